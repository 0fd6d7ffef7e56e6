import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from "node:fs";
import path from "node:path";

const MOST_BYTES = 16_000_000;
const FILES = 5;

/** A file that makes room for itself: access.log, access.log.1 and so on, 80 MB at most. */
export class LogFile {
  readonly #file: string;
  #stream: WriteStream;
  #bytes: number;

  constructor(home: string) {
    const folder = path.join(home, "logs");
    mkdirSync(folder, { recursive: true });
    this.#file = path.join(folder, "access.log");
    this.#stream = createWriteStream(this.#file, { flags: "a" });
    this.#bytes = sizeOf(this.#file);
  }

  write(chunk: Buffer): void {
    this.#stream.write(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_BYTES) this.#turn();
  }

  /** Ends when all of it is in the file. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#stream.end(resolve));
  }

  /** At the end of a chunk, which may be in the middle of a line: the files together are whole. */
  #turn(): void {
    for (let index = FILES - 1; index > 0; index--) {
      const from = index === 1 ? this.#file : `${this.#file}.${index - 1}`;
      try {
        renameSync(from, `${this.#file}.${index}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    this.#stream.end();
    this.#stream = createWriteStream(this.#file, { flags: "a" });
    this.#bytes = 0;
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
