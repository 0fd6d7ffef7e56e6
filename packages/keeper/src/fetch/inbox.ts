import type { Readable } from "node:stream";
import { orAborted, within } from "drayage-clock";

/** Whoever waits for the weights says so more often than that. An engine may keep a line open whose other end is gone. */
const SILENCE_MS = 60_000;

const LINE_BREAK = 0x0a;

/** Standard input as lines and counted bytes, in turn. */
export class Inbox {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The next line, or undefined where it has ended. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const at = this.#rest.indexOf(LINE_BREAK);
      if (at >= 0)
        return this.#cut(at + 1)
          .toString()
          .trimEnd();
      if (!(await this.#more())) return undefined;
    }
  }

  /** The next `count` bytes; fewer, where it ends before. */
  async *bytes(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#more())) return;
      const taken = this.#cut(Math.min(left, this.#rest.length));
      left -= taken.length;
      yield taken;
    }
  }

  #cut(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const next = await within(SILENCE_MS, undefined, (limit) => orAborted(this.#chunks.next(), limit));
    if (next.done === true) return false;
    this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    return true;
  }
}
