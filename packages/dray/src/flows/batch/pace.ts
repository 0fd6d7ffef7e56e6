import { sleep } from "drayage-clock";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/**
 * How many requests are out at once. It begins at the most that is allowed; a service that says 429 or 503 halves it and
 * is left alone for as long as it asks for; each answer lets it grow again, by one when as many were answered as were out.
 */
export class Pace {
  readonly #most: number;
  #limit: number;
  #out = 0;
  #waiting: (() => void)[] = [];
  #pausedUntil = 0;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #nextPause = FIRST_PAUSE_MS;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  get limit(): number {
    return Math.max(1, Math.floor(this.#limit));
  }

  /** Does `ask` when it is its turn; first come, first served. */
  async turn<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    // A place that gets free is handed to the first that waits: a later row never overtakes an earlier one here.
    if (this.#out >= this.limit || this.#waiting.length > 0)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#out++;
    try {
      // The pause may have grown while it was waited for.
      for (let left = this.#left(); left > 0; left = this.#left()) await sleep(left, signal);
      signal.throwIfAborted();
      return await ask();
    } finally {
      this.#out--;
      this.#handOver();
    }
  }

  #handOver(): void {
    for (const next of this.#waiting.splice(0, Math.max(0, this.limit - this.#out))) {
      this.#out++;
      next();
    }
  }

  #left(): number {
    return this.#pausedUntil - performance.now();
  }

  /** A request was answered. */
  answered(): void {
    this.#limit = Math.min(this.#most, this.#limit + 1 / this.#limit);
    this.#nextPause = FIRST_PAUSE_MS;
  }

  /** The service has enough. `startedAt`: of the request; those that were out already do not count once more. */
  slower(startedAt: number, afterMs: number | undefined): void {
    const now = performance.now();
    const pause = afterMs ?? this.#nextPause * (0.5 + Math.random());
    this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(pause, 10 * 60_000));
    if (startedAt < this.#slowedAt) return;
    this.#slowedAt = now;
    this.#limit = Math.max(1, this.#limit / 2);
    this.#nextPause = Math.min(LONGEST_PAUSE_MS, this.#nextPause * 2);
  }
}
