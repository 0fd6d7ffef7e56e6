import pLimit from "p-limit";
import { open } from "node:fs/promises";
import { Checker, Coming, hashOfAll, partBytes, type WeightsFolder } from "./folder.ts";
import { FetchError, type FetchJob, type FetchNews, type WeightFile } from "./job.ts";
import { type Probe, probe, readRange, readWhole } from "./read-url.ts";

/** Files that are worked on side by side; their connections are shared. */
const FILES_AT_ONCE = 8;
const TELL_MS = 200;
/** Left free on the disk. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** The bytes of a file that come from elsewhere than a URL. */
export type Bring = (file: WeightFile, from: number) => Promise<{ bytes: number; stream: AsyncIterable<Buffer> }>;

export interface Hooks {
  tell: (news: FetchNews) => void;
  bring: Bring;
  signal: AbortSignal;
}

/** A file that is there, or is to come. */
interface Known {
  file: WeightFile;
  bytes: number | undefined;
  probed: Probe | undefined;
}

/** Brings all files of a job into a folder, and checks them; goes on from where an earlier run ended. @throws FetchError */
export async function fetchAll(job: FetchJob, folder: WeightsFolder, hooks: Hooks): Promise<void> {
  await new Fetching(job, folder, hooks).run();
}

class Fetching {
  readonly #job: FetchJob;
  readonly #folder: WeightsFolder;
  readonly #hooks: Hooks;
  readonly #connections: ReturnType<typeof pLimit>;
  #came = 0;
  #done = 0;
  #total = 0;
  #toldAt = 0;

  constructor(job: FetchJob, folder: WeightsFolder, hooks: Hooks) {
    this.#job = job;
    this.#folder = folder;
    this.#hooks = hooks;
    this.#connections = pLimit(job.connections);
  }

  async run(): Promise<void> {
    const files = pLimit(FILES_AT_ONCE);
    const known = await Promise.all(this.#job.files.map((file) => files(() => this.#look(file))));
    this.#total = known.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
    await this.#checkRoom(known);
    const taken = pLimit(this.#job.files.some(({ url }) => url === undefined) ? 1 : FILES_AT_ONCE);
    const hashes = await Promise.all(known.map((each) => taken(() => this.#file(each))));
    const all = hashOfAll(hashes);
    if (this.#job.sha256 !== undefined && this.#job.sha256 !== all)
      throw new FetchError("mismatch", `the files together have the sha256 ${all}, not ${this.#job.sha256}`);
    await this.#folder.finish();
    this.#hooks.tell({ type: "done", came: this.#came, total: this.#total });
  }

  async #look(file: WeightFile): Promise<Known> {
    const there = await this.#folder.size(file.path);
    if (there !== undefined) return { file, bytes: there, probed: undefined };
    if (file.url === undefined) return { file, bytes: file.bytes, probed: undefined };
    const probed = await probe(file, this.#hooks.signal);
    if (file.bytes !== undefined && probed.bytes !== undefined && file.bytes !== probed.bytes)
      throw new FetchError("mismatch", `${file.path} has ${probed.bytes} bytes there, not ${file.bytes}`);
    return { file, bytes: probed.bytes ?? file.bytes, probed };
  }

  async #checkRoom(known: readonly Known[]): Promise<void> {
    const sizes = known.map(async ({ file, bytes = 0 }) =>
      (await this.#folder.size(file.path)) === undefined ? bytes : 0,
    );
    const needed = (await Promise.all(sizes)).reduce((sum, each) => sum + each, 0);
    const free = (await this.#folder.freeBytes()) - SPARE_BYTES;
    if (needed <= free) return;
    const [need, left] = [Math.ceil(needed / 1e6), Math.max(0, Math.floor(free / 1e6))];
    throw new FetchError("disk", `the weights need ${need} MB, and ${left} MB of disk are free`);
  }

  async #file(known: Known): Promise<{ path: string; sha256: string }> {
    const { file, bytes, probed } = known;
    const sha256 =
      (await this.#folder.size(file.path)) !== undefined
        ? await this.#checkThere(file, bytes ?? 0)
        : file.url === undefined
          ? await this.#take(file)
          : await this.#fetch(file, bytes, probed);
    return { path: file.path, sha256 };
  }

  /** One that an earlier run has checked is read once more: somebody may have named another hash since. */
  async #checkThere(file: WeightFile, bytes: number): Promise<string> {
    await using handle = await open(this.#folder.place(file.path), "r");
    const checker = new Checker(file, bytes);
    await checker.take(handle, 0, bytes);
    this.#count(bytes, "there already");
    return checker.end();
  }

  async #fetch(file: WeightFile, bytes: number | undefined, probed: Probe | undefined): Promise<string> {
    const coming = await this.#folder.begin(file.path, JSON.stringify([bytes, probed?.etag, file.sha256]));
    const inParts = bytes !== undefined && probed?.ranges === true;
    return await landed(coming, () => (inParts ? this.#parts(file, bytes, coming) : this.#whole(file, coming)));
  }

  /** Several parts at once; each is hashed as soon as those before it are there. */
  async #parts(file: WeightFile, bytes: number, coming: Coming): Promise<Checker> {
    await coming.handle.truncate(bytes);
    const checker = new Checker(file, bytes);
    const size = partBytes(bytes);
    const bounds = (part: number): [number, number] => [part * size, Math.min(bytes, (part + 1) * size)];
    const parts = Array.from({ length: Math.ceil(bytes / size) }, (_, part) => part);
    const here = parts.map((part) => this.#part(file, part, bounds(part), coming));
    const hashed = async (): Promise<void> => {
      for (const part of parts) {
        await here[part];
        await checker.take(coming.handle, ...bounds(part));
      }
    };
    await Promise.all([...here, hashed()]);
    return checker;
  }

  async #part(file: WeightFile, part: number, [from, to]: [number, number], coming: Coming): Promise<void> {
    if (coming.done.has(part)) return this.#count(to - from, "there already");
    await this.#connections(async () => {
      this.#hooks.signal.throwIfAborted();
      let at = from;
      for await (const bytes of readRange(file, { from, to }, this.#hooks.signal)) {
        await coming.write(bytes, at);
        at += bytes.length;
        this.#count(bytes.length, "came");
      }
      await coming.note(part);
    });
  }

  /** From a server that gives no parts: when the line is cut, it begins anew the next time. */
  async #whole(file: WeightFile, coming: Coming): Promise<Checker> {
    await coming.handle.truncate(0);
    let at = 0;
    await this.#connections(async () => {
      for await (const bytes of readWhole(file, this.#hooks.signal)) {
        await coming.write(bytes, at);
        at += bytes.length;
        this.#count(bytes.length, "came");
      }
    }).catch((error: unknown) => {
      this.#hooks.signal.throwIfAborted();
      throw error instanceof FetchError
        ? error
        : new FetchError("cut", `${file.path}: the connection ended early`, error);
    });
    const checker = new Checker(file, at);
    await checker.take(coming.handle, 0, at);
    return checker;
  }

  async #take(file: WeightFile): Promise<string> {
    const coming = await this.#folder.begin(file.path, JSON.stringify([file.bytes, file.sha256]));
    return await landed(coming, () => this.#given(file, coming));
  }

  /** From whoever started this: the parts that are missing at the end. */
  async #given(file: WeightFile, coming: Coming): Promise<Checker> {
    let part = 0;
    while (coming.done.has(part)) part++;
    const { bytes: all = 0 } = file;
    const size = partBytes(all);
    const from = Math.min(part * size, all);
    const { bytes: rest, stream } = await this.#hooks.bring(file, from);
    this.#count(from, "there already");
    let at = from;
    for await (const bytes of stream) {
      await coming.write(bytes, at);
      at += bytes.length;
      this.#count(bytes.length, "came");
      for (; (part + 1) * size <= at; part++) await coming.note(part);
    }
    if (at !== from + rest) throw new FetchError("gone", `${file.path} ended early`);
    const checker = new Checker(file, at);
    await checker.take(coming.handle, 0, at);
    return checker;
  }

  #count(bytes: number, how: "came" | "there already"): void {
    this.#done += bytes;
    if (how === "came") this.#came += bytes;
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.#hooks.tell({ type: "progress", done: this.#done, total: Math.max(this.#done, this.#total) });
  }
}

/** Has a file come, and gives it its name once its hash is right; what is not what it should be goes. Resolves to its sha256. */
async function landed(coming: Coming, come: () => Promise<Checker>): Promise<string> {
  try {
    const sha256 = (await come()).end();
    await coming.land();
    return sha256;
  } catch (error) {
    if (error instanceof FetchError && error.why === "mismatch") await coming.drop();
    throw error;
  } finally {
    await coming.close();
  }
}
