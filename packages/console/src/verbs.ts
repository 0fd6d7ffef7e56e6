/** A manifest's service, everywhere or at the place called `only`. */
export interface Scope<M> {
  manifest: M;
  only?: string;
}

/** Where a service runs, as its target names it. */
export interface Place {
  name: string;
  at: string;
}

/** Which lines of a log are wanted. */
export interface LogWanted {
  follow: boolean;
  tail: number;
  edge: boolean;
  release?: string;
  sinceMs?: number;
  grep?: RegExp;
  status?: string;
  id?: string;
}

/** A request that somebody typed. */
export interface TryWanted {
  method: string;
  path: string;
  headers?: Record<string, string>;
  carried?: { body: Json } | { text: string };
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * The verbs that the console reads: `Drayage` has them all. Answers are handed on as they are, so the server knows no
 * target and no shape of an answer; the page has the types.
 */
export interface Verbs<M> {
  status(scope: Scope<M>, what?: "service" | "all"): Promise<unknown[]>;
  metrics(scope: Scope<M>, sinceS: number): Promise<unknown[]>;
  trace(scope: Scope<M>): Promise<unknown[]>;
  check(wanted: { manifest: M; place: Place }): Promise<unknown>;
  logs(scope: Scope<M>, options: LogWanted, onLine: (line: LogSaid) => void): Promise<void>;
  rollback(
    scope: Scope<M>,
    options: { to?: string; mode?: "plan" | "perform" },
  ): Promise<{ outcomes: unknown[]; traces: unknown[] }>;
  keys: {
    list(scope: Scope<M>): Promise<unknown[]>;
    add(scope: Scope<M>, name: string): Promise<string>;
    revoke(scope: Scope<M>, name: string): Promise<unknown[]>;
  };
  requests: {
    kept(scope: Scope<M>, sinceMs: number): Promise<unknown[]>;
    drift(scope: Scope<M>, how: { sinceMs: number }): Promise<unknown[]>;
    /** What a form to try the service begins with. */
    offered(scope: Scope<M>): Promise<unknown>;
    send(scope: Scope<M>, said: TryWanted, release?: string): Promise<unknown>;
  };
  shadow: { report(scope: Scope<M>): Promise<unknown[]> };
  alerts: { test(scope: Scope<M>): Promise<string[]> };
  hosts: { facts(whose: Scope<M>): Promise<unknown[]> };
  /** What was changed from this computer. */
  runs: {
    list(): Promise<{ service?: string }[]>;
    read(id: string): Promise<{ happenings: unknown[] }>;
    follow(id: string, signal: AbortSignal): AsyncIterable<object>;
  };
}

/** A line of a log, and where it is from. */
export interface LogSaid {
  machine: string;
  from: string;
  line: string;
}

/** The session of one call: its end, and whom to tell what happens meanwhile. */
export interface CallSession {
  signal: AbortSignal;
  emit: (news: object) => void;
}

/** A service that the console shows. */
export interface Served<M> {
  service: string;
  /** The manifest's path, as commands name it. */
  file: string;
  target: string;
  places: readonly Place[];
  manifest: M;
}

/** A failure as the page shows it. */
export interface Failed {
  code: string;
  message: string;
  hint?: string | undefined;
  details?: readonly string[] | undefined;
}
