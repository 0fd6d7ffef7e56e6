import type { ContainerFacts, Dialled, Evidence, Exchange } from "./evidence.ts";
import { addressOf } from "./faults/reach.ts";
import type { Verdict, HopName } from "./trace.ts";

/** What is said of a hop where nothing is known to be wrong. */
export interface Judged {
  verdict: Exclude<Verdict, "broken">;
  evidence: string;
  ms?: number;
  missing?: string;
  note?: string;
}

export const SLOW_MS = { name: 1500, connect: 1500, answer: 3000 };

export const machineIn = (found: Evidence): string => found.target.machine ?? "the machine";
export const portIn = (found: Evidence): number => found.target.port;
export const front = (found: Evidence): ContainerFacts | undefined => found.edge ?? found.app ?? undefined;
export const external = (found: Evidence): string => found.target.machineAddress ?? addressOf(found);
export const internal = (found: Evidence): string =>
  found.machine?.addresses.find((each) => each !== external(found)) ?? "another one";

export const ok = (evidence: string, ms?: number): Judged => ({
  verdict: "ok",
  evidence,
  ...(ms === undefined ? {} : { ms }),
});
export const timed = (evidence: string, ms: number, limit: number): Judged => ({
  verdict: ms > limit ? "slow" : "ok",
  evidence,
  ms,
});
export const passedOver = (evidence: string): Judged => ({ verdict: "skipped", evidence });
export const unseen = (evidence: string, missing: string, ms?: number): Judged => ({
  verdict: "unknown",
  evidence,
  missing,
  ...(ms === undefined ? {} : { ms }),
});

/** Why nothing could be asked from inside. */
export function noInside(found: Evidence): Judged {
  if (found.target.machine === undefined) return unseen("not asked", "--machine: where it runs");
  if (found.ssh?.code !== undefined) return unseen("not asked", "a way in: ssh does not work");
  if (found.engine?.code !== undefined) return unseen("not asked", "Docker's word: its engine does not answer");
  // Its login runs, and runs something else than what it was given.
  if (found.machine === undefined) return unseen("not asked", "an answer of the machine's shell to our script");
  return passedOver("nothing to ask");
}

const DIALLED: Record<Dialled["outcome"], string> = {
  open: "connected",
  refused: "refused at once",
  timeout: "no answer",
  unreachable: "unreachable",
  "no-route": "no route from here",
  forbidden: "sshd forbids to ask",
  failed: "failed",
};

export const dialled = (each: Dialled): string =>
  each.outcome === "timeout" ? `${DIALLED.timeout} within ${(each.ms / 1000).toFixed(1)} s` : DIALLED[each.outcome];

export function exchanged(each: Exchange): string {
  if (each.outcome !== "answered") return each.outcome === "timeout" ? "no answer" : each.outcome;
  const wrong = each.wrong?.[0];
  return `${each.status}${wrong === undefined || wrong.startsWith("status") ? "" : `, ${wrong}`}`;
}

export const isGood = (each: Exchange): boolean => each.outcome === "answered" && (each.status ?? 500) < 500;

export function inWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** One part of the way: between what, what was seen, and what it is. */
export interface HopDefinition {
  hop: HopName;
  title: string;
  to: (found: Evidence) => string;
  judge: (found: Evidence) => Judged;
  /** Two or three sentences, with the user's own addresses. */
  explain: (found: Evidence) => string;
}
