import { setTimeout as delay } from "node:timers/promises";

/** Waits `ms` milliseconds. @throws AbortError when `signal` fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}

/** A signal that fires with `signal` or after `ms` milliseconds, whichever comes first. */
export function deadline(ms: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

/** Asks `question` every `everyMs` until it answers something other than undefined. @throws AbortError */
export async function until<T>(
  question: () => Promise<T | undefined>,
  everyMs: number,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await question();
    if (answer !== undefined) return answer;
    await sleep(everyMs, signal);
  }
}

/** Milliseconds since `startedAt` (a `performance.now()` reading), rounded. */
export function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
