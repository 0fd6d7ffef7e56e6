import { getEventListeners, once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deadline, joined, sleep, until, within } from "./clock.ts";

const never = (): AbortSignal => new AbortController().signal;
const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("while garbage is collected all the time", () => {
  let collecting: NodeJS.Timeout;

  beforeAll(() => {
    // What --expose-gc does, for a process that runs already.
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collecting = setInterval(collect, 20);
  });

  afterAll(() => clearInterval(collecting));

  /** Waits as code does that has nothing but the signal. @throws TimeoutError */
  const waitFor = async (signal: AbortSignal): Promise<never> => {
    await once(new EventTarget(), "nothing", { signal }).catch(() => undefined);
    signal.throwIfAborted();
    throw new Error("it ended, and its signal did not fire");
  };
  const LATE = { name: "TimeoutError" };

  test("ten of ten deadlines fire", async () => {
    const all = Array.from({ length: 10 }, () => within(100, never(), waitFor));
    const ended = await Promise.allSettled(all);
    expect(ended.map((each) => each.status === "rejected" && (each.reason as Error).name)).toEqual(
      Array.from({ length: 10 }, () => "TimeoutError"),
    );
  });

  test("a deadline fires through signals that were joined, and through other deadlines", async () => {
    const nested = within(100, never(), async (limit) => {
      using both = joined([never(), limit]);
      await within(60_000, both.signal, waitFor);
    });
    await expect(nested).rejects.toMatchObject(LATE);
  });

  test("a deadline fires that is only one of two joined signals, and that nobody else holds", async () => {
    const both = joined([joined([never()]).signal, deadline(100).signal]);
    await expect(waitFor(both.signal)).rejects.toMatchObject(LATE);
  });
});

describe("a deadline", () => {
  test("fires with the signal that it stands under, for that signal's reason", async () => {
    const stop = new AbortController();
    const work = within(60_000, stop.signal, (limit) => sleep(60_000, limit));
    stop.abort(new Error("the user"));
    await expect(work).rejects.toMatchObject({ cause: { message: "the user" } });
  });

  test("has fired already under a signal that has", async () => {
    const stop = AbortSignal.abort(new Error("before"));
    await expect(within(60_000, stop, (limit) => Promise.resolve(limit.reason))).resolves.toMatchObject({
      message: "before",
    });
  });

  test("does not fire any more, and leaves no listener, when the work is over", async () => {
    const stop = new AbortController();
    let kept: AbortSignal | undefined;
    const done = await within(20, stop.signal, (limit) => {
      kept = limit;
      return Promise.resolve(listeners(stop.signal));
    });
    expect(done).toBe(1);
    expect(listeners(stop.signal)).toBe(0);
    await sleep(60, never());
    stop.abort();
    expect(kept?.aborted).toBe(false);
  });

  test("is cleared when the work fails", async () => {
    const stop = new AbortController();
    await expect(within(60_000, stop.signal, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(listeners(stop.signal)).toBe(0);
  });
});

test("joined signals fire with whichever is first, and let go of the others", () => {
  const [one, two] = [new AbortController(), new AbortController()];
  using both = joined([one.signal, two.signal]);
  two.abort("second");
  one.abort("first");
  expect(both.signal.reason).toBe("second");
  using early = joined([never(), AbortSignal.abort("over")]);
  expect(early.signal.reason).toBe("over");
});

test("two hundred waits on one signal leave no listener on it", async () => {
  const { signal } = new AbortController();
  for (let round = 0; round < 200; round++) await within(1000, signal, (limit) => sleep(0, limit));
  expect(listeners(signal)).toBe(0);
});

test("until asks again until there is an answer, or the time is over", async () => {
  let asked = 0;
  const answer = await until(() => Promise.resolve(++asked === 3 ? "yes" : undefined), 1, never());
  expect([answer, asked]).toEqual(["yes", 3]);
  const late = within(20, undefined, (limit) => until(() => Promise.resolve(undefined), 5, limit));
  await expect(late).rejects.toMatchObject({ cause: { name: "TimeoutError" } });
});
