import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** A signal that its owner lets go of: disposed, it never fires any more, and nothing of it is left behind. */
export interface Hold extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * A signal that fires with any of `signals`.
 * It stands in for `AbortSignal.any`, whose result Node 20 collects as garbage while somebody waits for it.
 */
export function joined(signals: readonly AbortSignal[]): Hold {
  const stop = new AbortController();
  // As many may wait for it at once as like: those who are done with it let go of it, so a warning would be about nothing.
  setMaxListeners(0, stop.signal);
  const listeners = signals.map((signal) => ({ signal, listen: () => stop.abort(signal.reason) }));
  const [over] = signals.filter((signal) => signal.aborted);
  if (over !== undefined) stop.abort(over.reason);
  else for (const { signal, listen } of listeners) signal.addEventListener("abort", listen, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      for (const { signal, listen } of listeners) signal.removeEventListener("abort", listen);
    },
  };
}

/**
 * A signal that fires after `ms` milliseconds, or with `signal` when that is sooner. The timer holds it, so it fires
 * whatever the garbage collector does, and it keeps the process alive until it is disposed:
 * `using limit = deadline(...)`, or `within`, which cannot forget that.
 */
export function deadline(ms: number, signal?: AbortSignal): Hold {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new DOMException(`it took longer than ${ms} ms`, "TimeoutError"));
  }, ms);
  const both = joined(signal === undefined ? [late.signal] : [late.signal, signal]);
  return {
    signal: both.signal,
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      both[Symbol.dispose]();
    },
  };
}

/** Does `work` with a signal that fires after `ms` milliseconds, or with `signal` when that is sooner. @throws what `work` throws */
export async function within<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limit = deadline(ms, signal);
  return await work(limit.signal);
}

/** Waits for `work`, but not longer than `signal` lets it: for work that takes no signal. @throws the signal's reason */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Waits `ms` milliseconds. @throws AbortError when `signal` fires first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
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
