import { createHash, type Hash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { cacheFolder } from "../base/computer.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Blobs by their sha256, in a folder: an image's compressed layers, configs and manifests. */
export class ContentStore {
  readonly #folder: string;
  /** Of uploads that came whole so far: an image of gigabytes need not be read once more only to be checked. */
  readonly #hashes = new Map<string, Hash>();

  constructor(folder: string = path.join(cacheFolder(), "blobs", "sha256")) {
    this.#folder = folder;
  }

  async open(): Promise<void> {
    // Images may hold what is nobody else's affair. An older dray made the folder for all to read.
    await mkdir(path.join(this.#folder, "incoming"), { recursive: true, mode: 0o700 });
    if (((await stat(this.#folder)).mode & 0o077) !== 0) await chmod(this.#folder, 0o700).catch(() => undefined);
  }

  /** The blob's size in bytes, or undefined when it is not here. */
  async size(digest: string): Promise<number | undefined> {
    if (!DIGEST.test(digest)) return undefined;
    const found = await stat(this.#file(digest)).catch(() => undefined);
    return found?.size;
  }

  /** The blob's bytes from `start` on. */
  read(digest: string, start: number = 0): Readable {
    return createReadStream(this.#file(digest), { start });
  }

  /** All of the blob's bytes. */
  async bytes(digest: string): Promise<Buffer> {
    return await readFile(this.#file(digest));
  }

  async text(digest: string): Promise<string> {
    return await readFile(this.#file(digest), "utf8");
  }

  /** A name for an upload that has begun. */
  async begin(): Promise<string> {
    const id = randomUUID();
    await writeFile(this.#incoming(id), "");
    this.#hashes.set(id, createHash("sha256"));
    return id;
  }

  /** Adds bytes to an upload and returns its size so far. */
  async append(id: string, bytes: Readable): Promise<number> {
    const file = this.#incoming(id);
    // Of an upload that breaks off nobody knows how much of what was read was written, too.
    const hash = this.#hashes.get(id);
    this.#hashes.delete(id);
    const read = async function* (): AsyncGenerator<Buffer> {
      for await (const chunk of bytes) {
        hash?.update(chunk as Buffer);
        yield chunk as Buffer;
      }
    };
    await pipeline(read, createWriteStream(file, { flags: "a" }));
    if (hash !== undefined) this.#hashes.set(id, hash);
    return (await stat(file)).size;
  }

  /** Ends an upload: checks its digest, then gives it its name. Returns false when it is not what it claims to be. */
  async commit(id: string, digest: string): Promise<boolean> {
    if ((await this.#digestOf(id)) !== digest) {
      await rm(this.#incoming(id), { force: true });
      return false;
    }
    await rename(this.#incoming(id), this.#file(digest));
    return true;
  }

  async #digestOf(id: string): Promise<string> {
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    const hash = known ?? createHash("sha256");
    if (known === undefined) await pipeline(createReadStream(this.#incoming(id)), hash);
    return `sha256:${hash.digest("hex")}`;
  }

  /** Keeps a small blob and returns its digest. */
  async put(content: Buffer): Promise<string> {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const id = randomUUID();
    await writeFile(this.#incoming(id), content);
    await rename(this.#incoming(id), this.#file(digest));
    return digest;
  }

  /** What was noted under a key (hexadecimal), if anything. */
  async recall(key: string): Promise<string | undefined> {
    return await readFile(path.join(this.#folder, "notes", key), "utf8").catch(() => undefined);
  }

  /** Notes something under a key, so that work need not be done twice. */
  async remember(key: string, note: string): Promise<void> {
    const file = path.join(this.#folder, "notes", key);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.${process.pid}`, note);
    await rename(`${file}.${process.pid}`, file);
  }

  #file(digest: string): string {
    if (!DIGEST.test(digest)) throw new TypeError(`not a digest: ${digest}`);
    return path.join(this.#folder, digest.slice("sha256:".length));
  }

  #incoming(id: string): string {
    return path.join(this.#folder, "incoming", path.basename(id));
  }
}
