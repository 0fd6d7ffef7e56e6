import type { Trace } from "./trace.ts";

/** The verbs that change something: each time one is used is a run. */
export type RunVerb =
  | "deploy"
  | "rollback"
  | "promote"
  | "retire"
  | "remove"
  | "push"
  | "keys add"
  | "keys revoke"
  | "secrets set"
  | "shadow start"
  | "shadow stop"
  | "with restart"
  | "with remove"
  | "machine setup"
  | "machine clean"
  | "machine backup"
  | "machine restore"
  | "machine create"
  | "machine start"
  | "machine stop"
  | "machine rm";

/** What a run is about, known as it begins. */
export interface RunAbout {
  verb: RunVerb;
  service?: string;
  /** The kind of its target. */
  target?: string;
  /** Names of the places. */
  places: readonly string[];
  /** What the verb is done to, where the service does not say it: a caller, a secret, a release. */
  what?: string;
}

/** What serves at one place after a run. */
export interface Served {
  machine: string;
  service: string;
  release: string;
  before?: string;
  url: string;
  secured: boolean;
  bytesSent: number;
  servingMs?: number;
  monthly?: number;
  notes?: string[];
}

/** What a run led to, where it has something to show. */
export interface RunResult {
  served: readonly Served[];
  /** The way from here to each place's model, walked: the proof. */
  traces: readonly Trace[];
}

/** A failure as it is kept and told: everything but the error's own inside. */
export interface ToldFailure {
  code: string;
  message: string;
  hint?: string | undefined;
  details: readonly string[];
  exitCode: number;
}

/**
 * How a run ended. `declined`: somebody was asked and said no, so nothing was changed. `stopped`: by Ctrl-C, and what was
 * begun was taken back.
 */
export type RunEnd = "done" | "failed" | "declined" | "stopped";

/** A run as a list shows it. `cut off`: its process ended without a word, killed or with the computer. */
export interface RunSummary {
  id: string;
  verb: RunVerb;
  service?: string;
  target?: string;
  places: readonly string[];
  what?: string;
  who: string;
  startedAt: string;
  state: RunEnd | "running" | "cut off";
  /** Until its end; of a run without one, until its last word. */
  ms: number;
  /** What it gave the traffic to. */
  releases: readonly string[];
  failure?: ToldFailure;
}
