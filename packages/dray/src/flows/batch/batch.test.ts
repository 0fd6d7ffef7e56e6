import { once } from "node:events";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { News } from "../../core/happening.ts";
import { httpAsker } from "./asker.ts";
import { batch, type BatchJob, type BatchResult } from "./batch.ts";

let folder = "";
let stop = new AbortController();
let heard: News[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-batch-"));
  stop = new AbortController();
  heard = [];
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

type Said = { status?: number; headers?: Record<string, string>; body: unknown } | "cut";
type Api = AsyncDisposable & { port: number; bodies: unknown[]; mostAtOnce: () => number };

/** An API that answers as `say` says. */
async function serve(say: (body: { n: number }, count: number) => Said | Promise<Said>, port = 0): Promise<Api> {
  const bodies: unknown[] = [];
  let [out, most] = [0, 0];
  const act = async (request: http.IncomingMessage, answer: http.ServerResponse): Promise<void> => {
    most = Math.max(most, ++out);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as { n: number };
    bodies.push(body);
    const said = await say(body, bodies.length);
    out--;
    if (said === "cut") return void request.socket.destroy();
    answer.writeHead(said.status ?? 200, said.headers).end(JSON.stringify(said.body));
  };
  const server = http.createServer((request, answer) => void act(request, answer));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  const bound = (server.address() as AddressInfo).port;
  return { port: bound, bodies, mostAtOnce: () => most, [Symbol.asyncDispose]: close };
}

const double = ({ n }: { n: number }): Said => ({ body: { twice: 2 * n } });

async function rows(count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, at) => `{"n":${at + 1}}\n`);
  await writeFile(path.join(folder, "rows.jsonl"), lines.join(""));
}

async function run(port: number, more: Partial<BatchJob> = {}): Promise<BatchResult> {
  const how = { method: "POST", path: "/predict", headers: {}, timeoutMs: 5000 };
  using ask = httpAsker(`http://127.0.0.1:${port}`, how, 16);
  const files = { file: path.join(folder, "rows.jsonl"), out: path.join(folder, "out.jsonl") };
  const how2 = { example: undefined, path: "/predict", concurrency: 16, list: 1, force: false };
  const patience = { firstMs: 3000, laterMs: 3000 };
  const job = { service: "doubles", ...files, ask, ...how2, patience, ...more };
  return await batch(job, { signal: stop.signal, emit: (news) => heard.push(news), secrets: new Map() });
}

async function written(name = "out.jsonl"): Promise<{ row: number; answer?: { twice: number }; error?: unknown }[]> {
  const text = await readFile(path.join(folder, name), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { row: number });
}

/** Each row once, in order, with its own answer. */
async function expectWhole(count: number): Promise<void> {
  const wanted = Array.from({ length: count }, (_, at) => ({ row: at + 1, answer: { twice: 2 * (at + 1) } }));
  expect(await written()).toEqual(wanted);
}

test("answers are in the rows' order, whichever comes first, and as many are out as allowed", async () => {
  await rows(500);
  await using api = await serve(async (body) => {
    await pause(Math.random() * 10);
    return double(body);
  });
  const result = await run(api.port);
  await expectWhole(500);
  expect(result).toMatchObject({ rows: 500, answered: 500, failed: 0, before: 0 });
  expect(api.mostAtOnce()).toBeLessThanOrEqual(16);
  expect(api.mostAtOnce()).toBeGreaterThan(4);
  // Neither a mark nor an empty file of refusals is left.
  expect((await readdir(folder)).toSorted()).toEqual(["out.jsonl", "rows.jsonl"]);
});

test("a service that says 429 is asked by fewer, and every row is answered", async () => {
  await rows(300);
  let out = 0;
  let refused = 0;
  await using api = await serve(async (body) => {
    if (out >= 2) {
      refused++;
      return { status: 429, headers: { "retry-after": "0" }, body: { error: "busy" } };
    }
    out++;
    await pause(2);
    out--;
    return double(body);
  });
  const result = await run(api.port);
  await expectWhole(300);
  expect(result.failed).toBe(0);
  // Asked by 16 all the time, seven of eight requests would be refused: 2100 for 300 rows.
  expect(refused).toBeLessThan(300);
});

test("Retry-After is kept: nobody asks before", async () => {
  await rows(20);
  let refusedAt = 0;
  let soonest = Number.POSITIVE_INFINITY;
  await using api = await serve((body, count) => {
    if (count === 1) {
      refusedAt = performance.now();
      return { status: 429, headers: { "retry-after": "1" }, body: {} };
    }
    soonest = Math.min(soonest, performance.now() - refusedAt);
    return double(body);
  });
  await run(api.port, { concurrency: 1 });
  await expectWhole(20);
  expect(soonest).toBeGreaterThan(950);
});

test("a service that goes away for a while and comes back is waited for", async () => {
  await rows(200);
  const first = await serve(async (body, count) => (count > 80 ? "cut" : double(body)));
  const running = run(first.port);
  while (first.bodies.length < 90) await pause(5);
  await first[Symbol.asyncDispose]();
  await pause(300);
  await using second = await serve(double, first.port);
  await running;
  await expectWhole(200);
  expect(second.bodies.length).toBeGreaterThan(100);
});

test("a service that stays away ends the run, and the same command goes on", async () => {
  await rows(100);
  const first = await serve(async (body, count) => (count > 50 ? "cut" : double(body)));
  await expect(run(first.port, { patience: { firstMs: 300, laterMs: 300 } })).rejects.toMatchObject({
    code: "batch.stopped",
  });
  await first[Symbol.asyncDispose]();
  const kept = (await written()).length;
  expect(kept).toBeGreaterThan(0);
  await using second = await serve(double);
  expect(await run(second.port)).toMatchObject({ rows: 100, answered: 100, before: kept });
  await expectWhole(100);
  expect(second.bodies).toHaveLength(100 - kept);
});

test("refused rows are in a file of their own, with the API's words; the others are answered", async () => {
  await rows(10);
  await using api = await serve((body) =>
    body.n % 4 === 0 ? { status: 422, body: { error: "n is a multiple of 4" } } : double(body),
  );
  expect(await run(api.port)).toMatchObject({ rows: 10, answered: 8, failed: 2 });
  expect((await written()).map(({ row }) => row)).toEqual([1, 2, 3, 5, 6, 7, 9, 10]);
  expect(await written("out.failed.jsonl")).toEqual([
    { row: 4, status: 422, error: { error: "n is a multiple of 4" }, input: { n: 4 } },
    { row: 8, status: 422, error: { error: "n is a multiple of 4" }, input: { n: 8 } },
  ]);
});

test("a row that fails by chance is asked again; one that always fails is among the refused", async () => {
  await rows(3);
  const seen = new Map<number, number>();
  await using api = await serve((body) => {
    const times = (seen.get(body.n) ?? 0) + 1;
    seen.set(body.n, times);
    return body.n === 3 || (body.n === 2 && times < 3) ? { status: 500, body: "oh" } : double(body);
  });
  expect(await run(api.port)).toMatchObject({ answered: 2, failed: 1 });
  expect(seen).toEqual(
    new Map([
      [1, 1],
      [2, 3],
      [3, 3],
    ]),
  );
});

test("a key that is not taken ends the run at once: every row would be told the same", async () => {
  await rows(5000);
  await using api = await serve(() => ({ status: 401, body: { title: "no key" } }));
  await expect(run(api.port)).rejects.toThrow('the API answers 401, as it would to every row: {"title":"no key"}');
  expect(api.bodies.length).toBeLessThanOrEqual(32);
  expect(await written()).toEqual([]);
});

test("what a killed run left is taken up at the first gap: half a line, and rows behind one that is missing", async () => {
  await rows(20);
  await using api = await serve((body) => (body.n === 5 ? { status: 422, body: "no" } : double(body)));
  stop.abort();
  await expect(run(api.port)).rejects.toMatchObject({ name: "AbortError" });
  const answer = (n: number): string => `{"row":${n},"answer":{"twice":${2 * n}}}\n`;
  // Row 5 was refused, and the process was killed before that was written; row 9 was cut.
  const [one, two, three, four, six, seven] = [1, 2, 3, 4, 6, 7].map(answer);
  await writeFile(path.join(folder, "out.jsonl"), `${[one, two, three, four, six, seven].join("")}{"row":9,"answ`);
  await writeFile(path.join(folder, "out.failed.jsonl"), "");
  stop = new AbortController();
  expect(await run(api.port)).toMatchObject({ rows: 20, answered: 19, failed: 1, before: 4 });
  expect((await written()).map(({ row }) => row)).toEqual([
    1,
    2,
    3,
    4,
    ...Array.from({ length: 15 }, (_, at) => at + 6),
  ]);
  expect((await written("out.failed.jsonl")).map(({ row }) => row)).toEqual([5]);
});

test("answers that were begun with other rows are not mixed", async () => {
  await rows(10);
  await using api = await serve(double);
  stop.abort();
  await expect(run(api.port)).rejects.toMatchObject({ name: "AbortError" });
  stop = new AbortController();
  await rows(11);
  await expect(run(api.port)).rejects.toMatchObject({ code: "batch.other-rows" });
  expect(await run(api.port, { force: true })).toMatchObject({ answered: 11 });
  // What is whole is not written over by chance.
  await expect(run(api.port)).rejects.toMatchObject({ code: "usage.invalid" });
  await expectWhole(11);
});

test("two runs do not write the same answers", async () => {
  await rows(50);
  await using api = await serve(async (body) => {
    await pause(5);
    if (body.n === 40) await appendFile(path.join(folder, "out.jsonl"), '{"row":1,"answer":{}}\n');
    return double(body);
  });
  await expect(run(api.port, { concurrency: 2 })).rejects.toMatchObject({ code: "batch.two-writers" });
  // The next run keeps what is in order.
  await using calm = await serve(double);
  expect((await run(calm.port)).before).toBeGreaterThan(20);
  await expectWhole(50);
});

test("rows go as lists where that is asked for, and a list that is refused goes row by row", async () => {
  await rows(25);
  await using api = await serve((body) => {
    const list = body as unknown as { n: number }[];
    if (!Array.isArray(list)) return body.n === 7 ? { status: 422, body: "no" } : double(body);
    if (list.some(({ n }) => n === 7)) return { status: 422, body: "one of them" };
    return { body: list.map(({ n }) => ({ twice: 2 * n })) };
  });
  expect(await run(api.port, { list: 10 })).toMatchObject({ answered: 24, failed: 1 });
  expect(api.bodies).toHaveLength(3 + 10);
  expect((await written("out.failed.jsonl")).map(({ row }) => row)).toEqual([7]);
});

test("another release that answers in the middle is told", async () => {
  await rows(30);
  await using api = await serve((body) => ({
    headers: { "x-dray-release": body.n <= 10 ? "r1" : "r2" },
    ...(double(body) as { body: unknown }),
  }));
  expect((await run(api.port, { concurrency: 1 })).releases).toEqual(["r1", "r2"]);
  const warned = heard.filter(({ type }) => type === "warning");
  expect(warned).toEqual([{ type: "warning", text: "another release answers now: r2, and before r1" }]);
});
