import http from "node:http";

/** What a client saw that asks again and again. Times are `performance.now()` readings, in milliseconds. */
export interface Watch extends AsyncDisposable {
  /** When the first answer of `version` came; waits for it, at most 60 s. */
  firstOf(version: string): Promise<number>;
  failed: number;
  /** Milliseconds without any good answer, since the last `reset`: from the last good one to the next. */
  downMs(): number;
  reset(): void;
  /** Asks nothing until the next `reset`: the other side's turn. */
  pause(): void;
}

const EVERY_MS = 20;

/** Asks `url` fifty times a second, each time on a connection of its own, as new clients do. */
export function watch(url: string): Watch {
  const first = new Map<string, number>();
  let lastGood = performance.now();
  let down = 0;
  let broken = false;
  const seen = (version: string | undefined): void => {
    const now = performance.now();
    if (version === undefined) {
      it.failed++;
      broken = true;
      return;
    }
    if (broken) down += now - lastGood;
    broken = false;
    lastGood = now;
    if (!first.has(version)) first.set(version, now);
  };
  let paused = false;
  const timer = setInterval(() => {
    if (paused) return;
    const request = http.get(url, { agent: false, timeout: 5000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (body += chunk));
      answer.once("end", () =>
        seen(answer.statusCode === 200 ? (JSON.parse(body) as { version: string }).version : undefined),
      );
    });
    request.once("timeout", () => request.destroy(new Error("timeout")));
    request.once("error", () => seen(undefined));
  }, EVERY_MS);
  const it: Watch = {
    failed: 0,
    downMs: () => Math.round(down),
    pause: () => {
      paused = true;
    },
    reset: () => {
      paused = false;
      lastGood = performance.now();
      it.failed = 0;
      down = 0;
      broken = false;
      first.clear();
    },
    firstOf: async (version) => {
      for (let waited = 0; waited < 60_000; waited += EVERY_MS) {
        const at = first.get(version);
        if (at !== undefined) return at;
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
      throw new Error(`${url} never answered with version ${version}`);
    },
    [Symbol.asyncDispose]: () => {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
  return it;
}
