import type { Context } from "../../packages/dray/src/core/context.ts";

/** A context for a plug that is asked on its own. */
export function quiet(signal: AbortSignal = AbortSignal.timeout(120_000)): Context {
  return { signal, emit: () => undefined, secrets: new Map() };
}
