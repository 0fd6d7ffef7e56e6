import { type Hold, joined } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import { type Context, under } from "../../../core/context.ts";

/** A lease ends by itself this long after its owner was last heard of. */
export const LEASE_S = 30;
const HEARTBEAT_MS = 10_000;
/** A lease that could not be written so often in a row is as good as over: one more, and its time is up. */
const MOST_UNWRITTEN = 2;

/** What a heartbeat found: `kept`: renewed. `taken`: the lock is somebody else's, or nobody's. `unwritten`: no disk, say. */
export type Beat = { found: "kept" | "unwritten" } | { found: "taken"; owner: string | undefined };

/**
 * The life of a lease: it is renewed again and again, and whoever works under it is stopped when it is lost. A link that is
 * gone is no loss of the lease: it ends the work elsewhere, and nothing can be changed meanwhile.
 */
export class Pulse implements Disposable {
  readonly #service: string;
  readonly #beat: () => Promise<Beat>;
  readonly #lost = new AbortController();
  readonly #holds: Hold[] = [];
  readonly #timer: NodeJS.Timeout;
  #unwritten = 0;

  constructor(service: string, beat: () => Promise<Beat>, everyMs: number = HEARTBEAT_MS) {
    this.#service = service;
    this.#beat = beat;
    this.#timer = setInterval(() => void this.#once().catch(() => this.#stop()), everyMs);
    this.#timer.unref();
  }

  /** Does one step under the lease. @throws Failure service.lock-lost, and what `act` throws */
  async during<C extends Context, T>(context: C, act: (context: C) => Promise<T>): Promise<T> {
    const { signal } = this.#lost;
    signal.throwIfAborted();
    // Held until the lease ends: what one step began, a connection say, serves later ones and must be stopped with them.
    const both = joined([context.signal, signal]);
    this.#holds.push(both);
    try {
      return await act(under(context, both.signal));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
    for (const hold of this.#holds) hold[Symbol.dispose]();
  }

  async #once(): Promise<void> {
    const beat = await this.#beat();
    this.#unwritten = beat.found === "unwritten" ? this.#unwritten + 1 : 0;
    if (beat.found === "taken") this.#lose(`${beat.owner ?? "nobody"} has it now`);
    else if (this.#unwritten >= MOST_UNWRITTEN) this.#lose("it cannot be renewed: is the machine's disk full?");
  }

  #lose(why: string): void {
    this.#stop();
    this.#lost.abort(
      new Failure("service.lock-lost", `the lock on ${this.#service} was lost while it was being changed: ${why}`, {
        hint: `a lock ends when nothing is heard of its owner for ${LEASE_S} s: look at dray status, then run the same command again`,
      }),
    );
  }

  #stop(): void {
    clearInterval(this.#timer);
  }
}

/** The answer of the shell to a heartbeat: KEPT, UNWRITTEN, or TAKEN with whoever has the lock. */
export function beatOf(said: string): Beat {
  if (said.includes("KEPT")) return { found: "kept" };
  if (said.includes("UNWRITTEN")) return { found: "unwritten" };
  const [, owner] = /TAKEN (.+) since \d+/.exec(said) ?? [];
  return { found: "taken", owner };
}
