import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { AccessLog, sampleIn } from "./access-log.ts";

const line = (tail: string): string =>
  `172.18.0.1:34512 [25/Nov/2026:14:00:01.123] http s_decisions/${tail} ---- 3/3/0/0/0 0/0 "POST /decisions HTTP/1.1"`;

test.each([
  ["answered", "1abc2d9k.1 0/1/0/12/13 200 231 - -".concat(" ----"), { ok: true, ms: 12 }],
  ["with counts that are not final", "1abc2d9k.2 0/0/0/7/+9 200 +231 - - ----", { ok: true, ms: 7 }],
  ["an error of the API", "1abc2d9k.1 0/0/0/3/3 500 100 - - ----", { ok: false, ms: 3 }],
  ["refused by the API", "1abc2d9k.1 0/0/0/3/3 422 100 - - ----", { ok: false, ms: 3, refused: 422 }],
  ["too late", "1abc2d9k.1 0/0/0/-1/60000 504 100 - - sH--", { ok: false, ms: 0 }],
  ["the container died", "1abc2d9k.1 0/0/0/-1/4 502 100 - - SH--", { ok: false, ms: 0 }],
])("%s", (_name, tail, sample) => {
  expect(sampleIn(line(tail).replace(" ---- 3/", " 3/"))).toEqual({
    service: "decisions",
    release: "1abc2d9k",
    sample,
  });
});

test("a client that went away is nobody's fault, and other lines are none", () => {
  expect(sampleIn(line("1abc2d9k.1 0/0/0/-1/4 -1 0 - - CH--").replace(" ---- 3/", " 3/"))).toBeUndefined();
  expect(sampleIn(line("<NOSRV> -1/-1/-1/-1/0 503 200 - - SC--"))).toBeUndefined();
  expect(sampleIn("[NOTICE] (1) : New worker (8) forked")).toBeUndefined();
});

const good = `${line("1abc2d9k.1 0/1/0/12/13 200 231 - - ----").replace(" ---- 3/", " 3/")}\n`;

test("a log that ends is opened again; one that cannot be opened is lost, and says why", async () => {
  const stop = new AbortController();
  const open = async (answers: (string | Error)[]): Promise<AccessLog> => {
    const log = AccessLog.over(
      async () => {
        const next = answers.shift() ?? new Error("no such container: dray-edge");
        if (next instanceof Error) throw next;
        return { stream: Readable.from([next]), said: () => "" };
      },
      "decisions",
      stop.signal,
    );
    await expect.poll(() => log.lost, { timeout: 10_000 }).toBeDefined();
    return log;
  };
  const [never, twice] = await Promise.all([open([]), open([new Error("busy"), good, good])]);
  expect(never.lost).toBe("no such container: dray-edge");
  expect(never.of("1abc2d9k")).toEqual([]);
  expect(twice.of("1abc2d9k")).toHaveLength(2);
  stop.abort();
});

test("a canary is judged by a stream's first bytes, where the edge was told to look for them", () => {
  const streamed = (more: string): string =>
    `1.2.3.4:5 [25/Nov/2026:17:34:14.730] http s_loans/r1.1 0/0/0/3/9000 200 84 - - ---- 1/1/0/0/0 0/0 "POST /v1/completions HTTP/1.1" ${more}5f3c8a52 -`;
  expect(sampleIn(streamed(""))?.sample).toEqual({ ok: true, ms: 3 });
  expect(sampleIn(streamed("-/800/- "))?.sample).toEqual({ ok: true, ms: 800 });
});
