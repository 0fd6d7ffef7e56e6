import type { Context } from "./context.ts";
import type { Golden } from "./golden.ts";
import type { Rules } from "./judge.ts";
import type { Left, Prepared } from "./prepared.ts";
import type { Release } from "./release.ts";

/** What a managed target is to run, and how it gets the traffic. */
export interface Order {
  release: Release;
  /** By digest, in a registry that the target reaches. */
  image: string;
  golden: readonly Golden[];
  /** Shares in percent before all of it; `every` and `bake` in milliseconds. */
  rollout: Rules & { canary: readonly number[]; every: number; bake?: number | undefined };
  /** Releases that are kept, deployed or not. */
  keep: number;
}

/** What a deploy or rollback did. */
export interface Managed {
  service: string;
  release: string;
  before?: string;
  /** Where it is called. */
  url: string;
  /** What costs now, about, in US dollars a month; undefined: not in the list of prices. */
  monthly?: number;
  /** What people should know, a line each. */
  notes: string[];
}

export interface ManagedRelease {
  release: string;
  image: string;
  /** `standby`: deployed and paid for, without traffic; `kept`: only the model; `stray`: left by an interrupted deploy. */
  state: "traffic" | "canary" | "standby" | "stray" | "kept";
  /** Of the traffic, in percent. */
  share: number;
  /** What it runs on: `1-3 x n1-standard-2`. */
  nodes: string;
  /** ISO 8601. */
  since?: string;
}

export interface ManagedStatus {
  service: string;
  /** In the target's own words: project and region. */
  where: string;
  url?: string;
  releases: ManagedRelease[];
  /** What is billed, whether called or not. */
  monthly?: number;
  notes: string[];
}

/** One part of the way to a managed service. */
export interface ManagedHop {
  hop: string;
  verdict: "ok" | "broken";
  evidence: string;
  why?: string;
  fix?: string;
}

/** One answer, and whose it was. */
export interface ManagedAnswer {
  status: number;
  body: string;
  ms: number;
  release?: string;
}

/** A service that runs where somebody else keeps the machines. Everything may be run again. */
export interface ManagedTarget {
  kind: string;
  /** @throws Failure google.*, target.unsupported */
  deploy(order: Order, context: Context): Promise<Prepared<Managed>>;
  /** To the release named, else the one before. @throws Failure release.none-before, release.unknown */
  rollback(service: string, to: string | undefined, context: Context): Promise<Prepared<Managed>>;
  status(service: string, context: Context): Promise<ManagedStatus>;
  remove(service: string, context: Context): Promise<Prepared<Left>>;
  /** Calls it as clients do. */
  call(
    service: string,
    request: { body: string; headers: Record<string, string> },
    context: Context,
  ): Promise<ManagedAnswer>;
  /** The status of a request that shows no login. */
  stranger(service: string, context: Context): Promise<number>;
  /** The way to it, hop by hop, up to the first that is broken. Never throws for what is wrong with the way. */
  trace(service: string, golden: Golden | undefined, context: Context): Promise<ManagedHop[]>;
  /** Its last log lines, oldest first. */
  logs(service: string, limit: number, sinceMs: number | undefined, context: Context): Promise<string[]>;
}
