import type { Kept } from "../../../edge/state.ts";

/** How long a program may take to end after SIGTERM, when it has no request left. */
export const GRACE_MS = 10_000;

/** What is to be done to releases that have no traffic any more. */
export interface Due {
  /** To be told to end. */
  tell: Kept[];
  /** They were told, and did not. */
  kill: Kept[];
}

interface Course {
  /** Since when it is known here to have no traffic. */
  since: number;
  /** When it was last told to end, or killed. */
  told?: number;
}

/**
 * How far each release is that has no traffic any more: it finishes its requests, is told to end, and is killed where it
 * does not. Of several each has its own times, so all that are due at one moment end together.
 */
export class Retiring {
  #courses = new Map<string, Course>();

  /** Takes over what still runs now. What ended, or has the traffic again, is forgotten: it begins anew some day. */
  see(waiting: readonly Kept[], now: number): void {
    this.#courses = new Map(
      waiting.map(({ release: { id } }) => [id, this.#courses.get(id) ?? { since: now }] as const),
    );
  }

  /** Those that may still have requests to finish. */
  patient(waiting: readonly Kept[], now: number): Kept[] {
    return waiting.filter((kept) => {
      const { since, told } = this.#course(kept);
      return told === undefined && now - since < kept.release.settings.limits.drainMs;
    });
  }

  /** What is due now. `busy`: has it requests in flight? */
  due(waiting: readonly Kept[], busy: (release: string) => boolean, now: number): Due {
    const patient = new Set(this.patient(waiting, now));
    const untold = waiting.filter((kept) => this.#course(kept).told === undefined);
    return {
      tell: untold.filter((kept) => !patient.has(kept) || !busy(kept.release.id)),
      kill: waiting.filter((kept) => now - (this.#course(kept).told ?? now) >= GRACE_MS),
    };
  }

  /** They were told to end, or killed, just now. */
  note({ tell, kill }: Due, now: number): void {
    for (const kept of [...tell, ...kill]) this.#course(kept).told = now;
  }

  /** How long until something is due whatever its requests are. */
  next(waiting: readonly Kept[], now: number): number {
    const times = waiting.map((kept) => {
      const { since, told } = this.#course(kept);
      return (told === undefined ? since + kept.release.settings.limits.drainMs : told + GRACE_MS) - now;
    });
    return Math.min(...times);
  }

  #course({ release: { id } }: Kept): Course {
    const known = this.#courses.get(id);
    if (known === undefined) throw new TypeError(`${id} was not seen to wait`);
    return known;
  }
}
