import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, failedOf } from "./call.ts";
import type { Failed } from "./types.ts";

/** What one place answered last. */
export interface Answer<T> {
  found?: T;
  failed?: Failed;
  /** When it came, on the page's own clock. */
  at: number;
}

/** What is known of something at each place, and whether it is being asked. */
export interface Feed<T> {
  answers: ReadonlyMap<string, Answer<T>>;
  /** Of the whole call: the server refused it, or has ended. */
  failed?: Failed;
  asking: boolean;
  /** How many times it has been asked to the end. */
  rounds: number;
}

const TOGETHER_MS = 50;
const EMPTY: Feed<never> = { answers: new Map(), asking: false, rounds: 0 };
const feeds = new Map<string, Signal<Feed<unknown>>>();
const asking = new Set<string>();

/** What was heard last is there at once when a page is opened again. */
function feedAt<T>(key: string): Signal<Feed<T>> {
  const found = feeds.get(key) ?? signal<Feed<unknown>>(EMPTY);
  feeds.set(key, found);
  return found as Signal<Feed<T>>;
}

/** Asks once, and takes each place's answer in as it comes. */
export async function ask(name: string, body: object, stop?: AbortSignal): Promise<void> {
  const key = `${name} ${JSON.stringify(body)}`;
  if (asking.has(key)) return;
  asking.add(key);
  const feed = feedAt<unknown>(key);
  feed.value = { ...feed.value, asking: true };
  // Answers of many places come in one burst: they are shown together, and so the page is drawn once.
  let waiting: [string, Answer<unknown>][] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const show = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length > 0) feed.value = { ...feed.value, answers: new Map([...feed.value.answers, ...waiting]) };
    waiting = [];
  };
  try {
    await call(
      name,
      body,
      ({ place = "", found, failed }) => {
        waiting.push([place, { at: performance.now(), ...(failed === undefined ? { found } : { failed }) }]);
        timer ??= setTimeout(show, TOGETHER_MS);
      },
      stop,
    );
    show();
    const { failed: _over, ...rest } = feed.value;
    feed.value = { ...rest, rounds: feed.value.rounds + 1 };
  } catch (error) {
    if (stop?.aborted !== true) feed.value = { ...feed.value, failed: failedOf(error) };
  } finally {
    show();
    asking.delete(key);
    feed.value = { ...feed.value, asking: false };
  }
}

/**
 * Something at each place, asked anew every `everyMs` for as long as it is shown and the page is seen; `once`: asked when
 * it is shown first.
 */
export function useFeed<T>(name: string, body: object, everyMs: number | "once"): Feed<T> {
  const key = `${name} ${JSON.stringify(body)}`;
  const feed = feedAt<T>(key);
  useEffect(() => {
    const stop = new AbortController();
    void keepAsking(name, JSON.parse(key.slice(name.length + 1)) as object, everyMs, stop.signal);
    return () => stop.abort();
  }, [key, everyMs]);
  return feed.value;
}

async function keepAsking(name: string, body: object, everyMs: number | "once", stop: AbortSignal): Promise<void> {
  if (everyMs === "once") {
    if (feedAt(`${name} ${JSON.stringify(body)}`).value.rounds === 0) await ask(name, body, stop);
    return;
  }
  while (!stop.aborted) {
    await seen(stop);
    if (stop.aborted) return;
    await ask(name, body, stop);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Resolves when somebody can see the page. */
async function seen(stop: AbortSignal): Promise<void> {
  while (document.hidden && !stop.aborted) {
    await new Promise((resolve) => {
      document.addEventListener("visibilitychange", resolve, { once: true });
      stop.addEventListener("abort", resolve, { once: true });
    });
  }
}
