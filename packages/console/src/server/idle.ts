/** Ends what nobody uses: `onIdle` is called once, when nothing was in use for `ms`. */
export class Idle implements Disposable {
  readonly #ms: number;
  readonly #onIdle: () => void;
  #users = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, onIdle: () => void) {
    this.#ms = ms;
    this.#onIdle = onIdle;
    this.#wait();
  }

  /** Something begins to use it; disposing of the answer ends that. */
  use(): Disposable {
    this.#users++;
    clearTimeout(this.#timer);
    let over = false;
    return {
      [Symbol.dispose]: () => {
        if (over) return;
        over = true;
        this.#users--;
        if (this.#users === 0) this.#wait();
      },
    };
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onIdle, this.#ms);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
