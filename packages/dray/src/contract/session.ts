import type { Context } from "../core/context.ts";

/** Who does it and how: a command's, a program's or a test's own. */
export interface Session extends Context {
  /** Owner of locks and releases, as records name them. */
  who: string;
  /** When the command began (a `performance.now()` reading): the user counts from there. */
  startedAt: number;
  hostKeys: "known-only" | "accept-new";
}
