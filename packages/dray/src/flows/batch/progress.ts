import { since } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import type { ReachedRow, Settled } from "./answers.ts";

const EVERY_MS = 1000;
const STEP = "batch";

/** Counts rows, and tells how far they are and how long the others will take. */
export class Progress {
  rows: number;
  failed: number;
  readonly #before: number;
  readonly #total: number;
  readonly #context: Context;
  readonly #step: { step: string; on: string; title: string };
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(job: { service: string; file: string }, reached: ReachedRow, total: number, context: Context) {
    this.rows = reached.row;
    this.failed = reached.failed;
    this.#before = reached.row;
    this.#total = total;
    this.#context = context;
    const title = reached.row === 0 ? "ask for every row" : `ask for every row after ${reached.row}`;
    this.#step = { step: STEP, on: job.service, title };
    context.emit({ type: "step.started", ...this.#step });
    this.#timer = setInterval(() => this.#tell(), EVERY_MS);
  }

  add(settled: Settled): void {
    this.rows++;
    if (!("answer" in settled)) this.failed++;
  }

  done(): void {
    clearInterval(this.#timer);
    const note = this.#said();
    this.#context.emit({ type: "step.done", ...this.#step, ms: since(this.#startedAt), note });
  }

  /** `reached`: the last row that is kept; answers behind one that is missing are asked for again. */
  stopped(error: unknown, reached: number): void {
    clearInterval(this.#timer);
    this.rows = reached;
    const { code, message } = asFailure(error);
    this.#context.emit({ type: "step.failed", ...this.#step, code, message: `${this.#said()}; ${message}` });
  }

  #tell(): void {
    const { step, on } = this.#step;
    const total = Math.max(this.#total, this.rows);
    const counted = { done: this.rows, total, unit: "count" } as const;
    this.#context.emit({ type: "step.progress", step, on, ...counted, note: `${this.#said()}${this.#left(total)}` });
  }

  #said(): string {
    const refused = this.failed === 0 ? "" : `, ${this.failed} refused`;
    return `${this.rows} of about ${Math.max(this.#total, this.rows)} rows${refused}, ${Math.round(this.#rate())}/s`;
  }

  /** Rows a second, of this run. */
  #rate(): number {
    return (this.rows - this.#before) / Math.max(0.001, since(this.#startedAt) / 1000);
  }

  #left(total: number): string {
    const rate = this.#rate();
    return rate === 0 ? "" : `, ${durationOf((total - this.rows) / rate)} left`;
  }
}

/** Seconds as people say them. */
function durationOf(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
