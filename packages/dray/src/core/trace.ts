/** The parts of the way to a model, from the operator's chair to the prediction. */
export const HOPS = [
  "ssh",
  "engine",
  "record",
  "cloud",
  "name",
  "route",
  "tcp",
  "packet",
  "listener",
  "tls",
  "edge",
  "container",
  "bind",
  "ready",
  "predict",
] as const;

export type HopName = (typeof HOPS)[number];

/**
 * `broken`: here is the cause, and nowhere else. `unknown`: it could not be asked; `missing` says what is missing.
 * `skipped`: this way does not lead through it.
 */
export type Verdict = "ok" | "slow" | "broken" | "unknown" | "skipped";

/** One part of the way, asked and answered. */
export interface Hop {
  /** One of `HOPS`, or a target's own. */
  hop: string;
  title: string;
  /** From where to where, with the user's own addresses. */
  from: string;
  to: string;
  verdict: Verdict;
  /** Milliseconds it took to ask; undefined where nothing was asked. */
  ms?: number;
  /** One line of what was seen. */
  evidence: string;
  /** Of the table of faults: what is wrong here. */
  fault?: string;
  why?: string;
  /** One command or edit. */
  fix?: string;
  /** For `unknown`: what would have to be there to know. */
  missing?: string;
  /** What to know although nothing is broken. */
  note?: string;
  /** What this part is and why it can break. */
  explain: string;
}

/** The way to a model, walked. */
export interface Trace {
  v: 1;
  url: string;
  machine?: string;
  service?: string;
  container?: string;
  /** Kind of the target, where it keeps the machines itself. */
  target?: string;
  /** Does a request from here get its answer? */
  reached: boolean;
  hops: Hop[];
  /** Of the whole walk, in milliseconds. */
  ms: number;
}

/** The hop where it breaks or stalls; undefined: nowhere, or it could not be found out. */
export function brokenHop(trace: Trace): Hop | undefined {
  return trace.hops.find((hop) => hop.fault !== undefined);
}
