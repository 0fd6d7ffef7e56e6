import { type Asked, canJoin, join } from "./asked.ts";
import type { Feeds } from "./model/model.ts";
import { Refusal } from "./refusal.ts";

export interface BatchLimits {
  /** Rows of one run. */
  batch: number;
  /** Rows that may wait. */
  queue: number;
  /** Longest wait for an answer, in milliseconds. */
  timeoutMs: number;
}

/** Where the numbers go. */
export interface BatchMeter {
  /** A run: its rows, and its time in seconds. */
  ran(rows: number, seconds: number): void;
  /** A request left the queue after so many seconds. */
  waited(seconds: number): void;
}

/** The outputs of a run, and where in it the rows of one request begin. */
export interface Share {
  outputs: Feeds;
  from: number;
  /** Rows of the whole run: more than the request's own where others were asked with it. */
  of: number;
}

interface Job {
  asked: Asked;
  at: number;
  /** Has the client gone? */
  gone: (() => boolean) | undefined;
  done: Done;
}

/** Told once: the share of a run, or why there is none. A callback, not a promise: it is called 40,000 times a second. */
export type Done = (error: Error | undefined, share?: Share) => void;

const SWEEP_MS = 50;

/**
 * Runs what is waiting together. The first request waits for nothing but the end of this turn of the event loop; what
 * comes while a run is in flight goes into the next one. There is no timer in the way of a request: an idle server answers at once.
 */
export class Batcher {
  readonly #ask: (asked: Asked) => Promise<Feeds>;
  readonly #limits: BatchLimits;
  readonly #meter: BatchMeter;
  #jobs: Job[] = [];
  #waiting = 0;
  #running = 0;
  #scheduled = false;
  readonly #sweep: NodeJS.Timeout;

  constructor(ask: (asked: Asked) => Promise<Feeds>, limits: BatchLimits, meter: BatchMeter) {
    this.#ask = ask;
    this.#limits = limits;
    this.#meter = meter;
    this.#sweep = setInterval(() => this.#dropLate(), SWEEP_MS).unref();
  }

  /** Rows that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Rows in a run. */
  get running(): number {
    return this.#running;
  }

  /** Queues a request's rows. `done` may get a Refusal: 504 when the time is over, 499. @throws Refusal 429 when the queue is full */
  submit(asked: Asked, gone: (() => boolean) | undefined, done: Done): void {
    if (this.#waiting + asked.length > this.#limits.queue && this.#waiting > 0) {
      throw new Refusal(429, `${this.#waiting} rows wait already; try again in a second`);
    }
    this.#jobs.push({ asked, at: performance.now(), gone, done });
    this.#waiting += asked.length;
    this.#schedule();
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #schedule(): void {
    if (this.#scheduled || this.#running > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const jobs = this.#take();
    if (jobs.length === 0) return;
    const asked = jobs.length === 1 ? (jobs[0]?.asked ?? []) : join(jobs.map((job) => job.asked));
    this.#running = asked.length;
    const startedAt = performance.now();
    for (const job of jobs) this.#meter.waited((startedAt - job.at) / 1000);
    try {
      const outputs = await this.#ask(asked);
      this.#meter.ran(asked.length, (performance.now() - startedAt) / 1000);
      let from = 0;
      for (const job of jobs) {
        job.done(undefined, { outputs, from, of: asked.length });
        from += job.asked.length;
      }
    } catch (error) {
      await this.#blame(jobs, error);
    } finally {
      this.#running = 0;
      if (this.#jobs.length > 0) this.#schedule();
    }
  }

  /** One request of a batch may be what the model cannot take: each is asked alone, so that only that one fails. */
  async #blame(jobs: readonly Job[], error: unknown): Promise<void> {
    if (jobs.length === 1) return jobs[0]?.done(error instanceof Error ? error : new Error(String(error)));
    for (const job of jobs) {
      try {
        job.done(undefined, { outputs: await this.#ask(job.asked), from: 0, of: job.asked.length });
      } catch (own) {
        job.done(own instanceof Error ? own : new Error(String(own)));
      }
    }
  }

  /** The next jobs, as many as fit; those whose client is gone are dropped. */
  #take(): Job[] {
    const taken: Job[] = [];
    let rows = 0;
    let index = 0;
    for (; index < this.#jobs.length; index++) {
      const job = this.#jobs[index];
      if (job === undefined) break;
      if (taken[0] !== undefined && !this.#fits(taken[0].asked, job.asked, rows)) break;
      this.#waiting -= job.asked.length;
      if (job.gone?.() === true) job.done(new Refusal(499, "the client went away"));
      else {
        taken.push(job);
        rows += job.asked.length;
      }
    }
    this.#jobs.splice(0, index);
    return taken;
  }

  #fits(first: Asked, next: Asked, rows: number): boolean {
    return rows + next.length <= this.#limits.batch && canJoin(first, next);
  }

  #dropLate(): void {
    const now = performance.now();
    const late = (job: Job): boolean => now - job.at > this.#limits.timeoutMs;
    // The oldest stand first: mostly there is nothing to do.
    while (this.#jobs[0] !== undefined && late(this.#jobs[0])) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      this.#waiting -= job.asked.length;
      job.done(new Refusal(504, `no answer within ${this.#limits.timeoutMs / 1000} s: it was still waiting`));
    }
  }
}
