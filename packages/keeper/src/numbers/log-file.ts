import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import path from "node:path";

const MOST_BYTES = 16_000_000;
const FILES = 5;
/** Bytes that may wait for a slow disk. */
const MOST_WAITING = 8_000_000;
/** After which a disk that took nothing is tried again. */
const AGAIN_MS = 5000;

/**
 * A file that makes room for itself: access.log, access.log.1 and so on, 80 MB at most. A disk that takes nothing costs
 * lines of the log, and nothing else.
 */
export class LogFile {
  readonly #file: string;
  readonly #onFault: (error: unknown) => void;
  #stream: WriteStream | undefined;
  #bytes = 0;
  #lost = 0;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(home: string, onFault: (error: unknown) => void) {
    this.#file = path.join(home, "logs", "access.log");
    this.#onFault = onFault;
  }

  write(chunk: Buffer): void {
    const stream = this.#ready();
    if (stream === undefined || stream.writableLength > MOST_WAITING) {
      this.#lost += chunk.length;
      return;
    }
    stream.write(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_BYTES) this.#turn();
  }

  /** Ends when all of it is in the file. */
  async close(): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined) return;
    await new Promise<void>((resolve) => {
      stream.once("close", resolve);
      stream.end();
    });
  }

  /** The file, opened where it is not; undefined while the disk takes nothing. */
  #ready(): WriteStream | undefined {
    if (this.#stream !== undefined || performance.now() - this.#triedAt < AGAIN_MS) return this.#stream;
    this.#triedAt = performance.now();
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true });
      const stream = createWriteStream(this.#file, { flags: "a" });
      stream.on("error", (error) => this.#broken(stream, error));
      this.#stream = stream;
      this.#bytes = sizeOf(this.#file);
      if (this.#lost > 0) this.#onFault(new Error(`${this.#lost} bytes of it could not be kept`));
      this.#lost = 0;
    } catch (error) {
      this.#onFault(error);
    }
    return this.#stream;
  }

  #broken(stream: WriteStream, error: unknown): void {
    if (this.#stream === stream) this.#stream = undefined;
    this.#triedAt = performance.now();
    this.#lost += stream.writableLength;
    this.#onFault(error);
  }

  /** At the end of a chunk, which may be in the middle of a line: the files together are whole. */
  #turn(): void {
    for (let index = FILES - 1; index > 0; index--) {
      const from = index === 1 ? this.#file : `${this.#file}.${index - 1}`;
      try {
        renameSync(from, `${this.#file}.${index}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#onFault(error);
      }
    }
    this.#stream?.end();
    this.#stream = undefined;
    this.#triedAt = Number.NEGATIVE_INFINITY;
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
