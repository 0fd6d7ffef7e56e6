import type { Context } from "../../packages/dray/src/core/context.ts";

/** A context for a plug that is asked on its own; the test runner itself ends what takes too long. */
export function quiet(signal: AbortSignal = new AbortController().signal): Context {
  return { signal, emit: () => undefined, secrets: new Map() };
}
