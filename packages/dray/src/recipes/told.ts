import { since } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";

/** Does some work on this computer as a step that is told: begun, and done or failed. */
export async function told<T>(step: string, title: string, context: Context, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const about = { step, on: "here", title };
  context.emit({ type: "step.started", ...about });
  try {
    const result = await work();
    context.emit({ type: "step.done", ...about, ms: since(startedAt) });
    return result;
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure)
      context.emit({ type: "step.failed", ...about, code: error.code, message: error.message });
    throw error;
  }
}
