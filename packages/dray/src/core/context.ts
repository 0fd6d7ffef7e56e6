import type { News } from "./happening.ts";

/** What every act is handed: how to be stopped, and where to tell what happens. */
export interface Context {
  signal: AbortSignal;
  emit: (news: News) => void;
  /** Values of the secrets named in the manifest. */
  secrets: ReadonlyMap<string, { reveal(): string }>;
}

/** The same context under another signal: undo runs under a fresh one, never the aborted one. */
export function under<C extends Context>(context: C, signal: AbortSignal): C {
  return { ...context, signal };
}
