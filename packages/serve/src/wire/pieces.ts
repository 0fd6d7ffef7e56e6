/** Bytes as they came, put together when somebody wants them. */
export class Pieces {
  #all: Buffer[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(piece: Buffer): void {
    this.#all.push(piece);
    this.#size += piece.length;
  }

  /** All of them as one, and none from now on. */
  take(): Buffer {
    const [first, ...more] = this.#all;
    const whole = first !== undefined && more.length === 0 ? first : Buffer.concat(this.#all);
    this.#all = [];
    this.#size = 0;
    return whole;
  }
}
