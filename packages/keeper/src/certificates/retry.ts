import type { Refused } from "./refused.ts";

/** Let's Encrypt allows five failed tries an hour for a name. */
const FIRST_WAIT_MS = 60_000;
const LONGEST_WAIT_MS = 6 * 3_600_000;
/** What costs the CA nothing is tried often: a name that does not resolve, an edge that is being started. */
const CHEAP: Record<string, number> = { unresolved: 10_000, edge: 1000 };
/** The shortest wait of a certificate that lives for minutes only, as a part of its life. */
const SHORTEST_PART = 12;

/** A certificate that is in force, in milliseconds. */
export interface InForce {
  /** From its beginning to its end. */
  lifeMs: number;
  /** From now to its end. */
  leftMs: number;
}

/**
 * How long to wait after so many failures in a row, in milliseconds: twice as long each time, but never longer than half
 * of what the certificate in force has left. What the CA asks for is kept to.
 */
export function waitAfter(
  failures: number,
  { kind, waitMs = 0 }: Pick<Refused, "kind" | "waitMs">,
  now: InForce | undefined,
): number {
  const cheap = CHEAP[kind];
  if (cheap !== undefined) return cheap;
  const backOff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(20, failures - 1));
  if (now === undefined || now.leftMs <= 0) return Math.max(backOff, waitMs);
  const least = Math.min(FIRST_WAIT_MS, now.lifeMs / SHORTEST_PART);
  return Math.max(Math.min(backOff, now.leftMs / 2), least, waitMs);
}
