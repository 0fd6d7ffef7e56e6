const KEPT = 100;
/** What is older is over. */
const RECENT_MS = 600_000;
/** The same words are said again in the log after this long. */
const AGAIN_MS = 60_000;

interface Fault {
  atMs: number;
  text: string;
}

/**
 * What went wrong in the keeper itself without ending it: said in its log, and told as an alert. Whoever finds an input
 * that nobody thought of must not be able to end renewals, alerts and numbers with it.
 */
export class Faults {
  readonly #log: (text: string) => void;
  readonly #saidAt = new Map<string, number>();
  #all: Fault[] = [];

  constructor(log: (text: string) => void) {
    this.#log = log;
  }

  /** Notes one: in the log at most once a minute in the same words. */
  note(where: string, error: unknown, nowMs: number = Date.now()): void {
    const text = `${where}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300);
    this.#all = [...this.#all, { atMs: nowMs, text }].slice(-KEPT);
    if (nowMs - (this.#saidAt.get(text) ?? 0) < AGAIN_MS) return;
    if (this.#saidAt.size >= KEPT) this.#saidAt.clear();
    this.#saidAt.set(text, nowMs);
    this.#log(`fault: ${text}`);
  }

  /** Those of the last ten minutes, oldest first. */
  recent(nowMs: number = Date.now()): string[] {
    return this.#all.filter(({ atMs }) => nowMs - atMs < RECENT_MS).map(({ text }) => text);
  }

  /** Does one thing, and goes on whatever comes of it. */
  async guard(where: string, act: () => unknown): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.note(where, error);
    }
  }

  /** The same for what does not wait. */
  guardNow(where: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.note(where, error);
    }
  }

  /** Takes what nothing else caught: the process goes on. */
  watch(process: NodeJS.EventEmitter): void {
    for (const event of ["uncaughtException", "unhandledRejection"])
      process.on(event, (error: unknown) => this.note("not caught", error));
  }
}
