import { createHash, type Hash } from "node:crypto";
import {
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
  chmod,
  appendFile,
  type FileHandle,
} from "node:fs/promises";
import path from "node:path";
import { FetchError, type WeightFile } from "./job.ts";

const MIB = 1024 ** 2;
const READ_BYTES = MIB;
const [LEAST_BYTES, MOST_BYTES, PARTS] = [MIB, 32 * MIB, 64];
/** Beside the files, until all of them are there. */
const OWN = ".dray";

/** As much of a file is asked for at once. A killed fetch loses less than this for each connection. */
export function partBytes(bytes: number): number {
  return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.ceil(bytes / PARTS / MIB) * MIB));
}

/** The hash of a folder: of the lines that `sha256sum` prints for its files, in the order of their paths. */
export function hashOfAll(files: readonly { path: string; sha256: string }[]): string {
  const lines = files.map((each) => `${each.sha256}  ${each.path}\n`);
  const byPath = lines.toSorted((a, b) => Buffer.compare(Buffer.from(a.slice(66)), Buffer.from(b.slice(66))));
  return createHash("sha256").update(byPath.join("")).digest("hex");
}

/** A folder of weights: files that were checked, and parts of those that are on their way. */
export class WeightsFolder {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** A file's final place. @throws FetchError, of a path that leads out of the folder */
  place(file: string): string {
    const place = path.resolve(this.#root, file);
    if (!place.startsWith(`${path.resolve(this.#root)}${path.sep}`) || file.split("/")[0] === OWN)
      throw new FetchError("missing", `${file} is no path for a file of weights`);
    return place;
  }

  /** Bytes of a file that was checked, or undefined. */
  async size(file: string): Promise<number | undefined> {
    return (await stat(this.place(file)).catch(() => undefined))?.size;
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#root);
    return bavail * bsize;
  }

  /** A file on its way, as far as it has come. `same`: what tells these bytes from others of that name. */
  async begin(file: string, same: string): Promise<Coming> {
    await mkdir(path.join(this.#root, OWN), { recursive: true });
    const name = createHash("sha256").update(file).digest("hex").slice(0, 24);
    const part = path.join(this.#root, OWN, name);
    const log = `${part}.log`;
    const [first, ...lines] = (await readFile(log, "utf8").catch(() => "")).split("\n");
    const goesOn = first === same;
    if (!goesOn) {
      await rm(part, { force: true });
      await writeFile(log, `${same}\n`);
    }
    const handle = await open(part, goesOn ? "a+" : "w").then(async (made) => {
      await made.close();
      return await open(part, "r+");
    });
    // A line that was being written when the machine went down is none.
    const done = goesOn ? lines.slice(0, -1).map(Number) : [];
    return new Coming(handle, { part, log, place: this.place(file) }, new Set(done));
  }

  /** All is there and checked: nothing of the way stays. */
  async finish(): Promise<void> {
    await rm(path.join(this.#root, OWN), { recursive: true, force: true });
  }
}

/** A file on its way. */
export class Coming {
  readonly handle: FileHandle;
  /** Numbers of the parts that are there. */
  readonly done: ReadonlySet<number>;
  readonly #files: { part: string; log: string; place: string };

  constructor(handle: FileHandle, files: { part: string; log: string; place: string }, done: ReadonlySet<number>) {
    this.handle = handle;
    this.done = done;
    this.#files = files;
  }

  /** @throws FetchError `disk` */
  async write(bytes: Buffer, at: number): Promise<void> {
    try {
      // A disk that is nearly full takes less than it is given, and says so only by the count.
      for (let from = 0; from < bytes.length;)
        from += (await this.handle.write(bytes, from, bytes.length - from, at + from)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      throw new FetchError("disk", "the disk is full", error);
    }
  }

  /** Notes that a part is there. */
  async note(part: number): Promise<void> {
    await appendFile(this.#files.log, `${part}\n`);
  }

  /** Gives it its name. */
  async land(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
    const { part, log, place } = this.#files;
    await chmod(part, 0o444);
    await mkdir(path.dirname(place), { recursive: true });
    await rename(part, place);
    await rm(log, { force: true });
  }

  /** Forgets what came: it is not what it should be. */
  async drop(): Promise<void> {
    await this.handle.close();
    await rm(this.#files.part, { force: true });
    await rm(this.#files.log, { force: true });
  }

  async close(): Promise<void> {
    await this.handle.close().catch(() => undefined);
  }
}

/** Hashes a file while it comes, in its order. */
export class Checker {
  readonly #sha256: Hash = createHash("sha256");
  readonly #git: Hash | undefined;
  readonly #file: WeightFile;

  constructor(file: WeightFile, bytes: number) {
    this.#file = file;
    // git hashes a file behind its size.
    if (file.gitBlob !== undefined) this.#git = createHash("sha1").update(`blob ${bytes}\0`);
  }

  /** Takes the next bytes of the file, up to `to`. */
  async take(handle: FileHandle, from: number, to: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, to - from)));
    for (let at = from; at < to;) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, to - at), at);
      if (bytesRead === 0) throw new Error(`${this.#file.path} is shorter than it was`);
      this.#sha256.update(buffer.subarray(0, bytesRead));
      this.#git?.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  /** The file's sha256. @throws FetchError, where it is not the one that was named */
  end(): string {
    const sha256 = this.#sha256.digest("hex");
    const { path: name, sha256: wanted = sha256, gitBlob } = this.#file;
    if (sha256 !== wanted) throw new FetchError("mismatch", `${name} has the sha256 ${sha256}, not ${wanted}`);
    const git = this.#git?.digest("hex");
    if (git !== gitBlob) throw new FetchError("mismatch", `${name} is not what its repository says: ${git}`);
    return sha256;
  }
}
