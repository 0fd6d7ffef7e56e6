import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test, vi } from "vitest";
import { Requests } from "./requests.ts";
import type { Copy } from "./shadow/copy.ts";

const DAY_MS = 86_400_000;

const copyOf = (body: string, service: string = "loans"): Copy => ({
  service,
  method: "POST",
  path: "/d?name=Jane",
  headers: [],
  shadow: false,
  keep: true,
  release: "r1",
  id: "1",
  body: Buffer.from(body),
  answer: { status: 200, ms: 1, body: Buffer.from("{}") },
});

test("nothing is kept for longer than it may be, with traffic and without, also of a service that keeps nothing any more", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-requests-"));
  vi.useFakeTimers({ toFake: ["Date"] });
  const start = Date.now();
  try {
    const requests = new Requests(home);
    requests.want(new Map([["loans", { mask: [], maxBytes: 1e9, days: 10 }]]));
    const files = async (): Promise<string[]> => (await readdir(path.join(home, "requests"))).toSorted();
    requests.take(copyOf('{"first": 1}'));
    await requests.flush();
    vi.setSystemTime(start + 4 * DAY_MS);
    requests.take(copyOf('{"second": 1}'));
    await requests.flush();
    expect(await files()).toEqual(["loans.jsonl"]);
    vi.setSystemTime(start + 5.1 * DAY_MS);
    await requests.flush();
    expect(await files()).toEqual(["loans.jsonl.1"]);
    requests.want(new Map());
    vi.setSystemTime(start + 16 * DAY_MS);
    await requests.flush();
    expect(await files()).toEqual([]);
  } finally {
    vi.useRealTimers();
    await rm(home, { recursive: true });
  }
});

test("a kept line has no query and no terminal's command in it, and is masked", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-requests-"));
  try {
    const requests = new Requests(home);
    requests.want(new Map([["loans", { mask: ["Income"], maxBytes: 1e9 }]]));
    requests.take(copyOf('{"income": 5200, "a": "\\u001b]0;x\\u0007\u009b31m"}'));
    await requests.flush();
    const line = await readFile(path.join(home, "requests", "loans.jsonl"), "utf8");
    expect(line).not.toMatch(/Jane|5200|\p{Cc}(?!$)/u);
    expect(JSON.parse(line)).toMatchObject({
      path: "/d",
      request: { income: "[masked]", a: "\u001b]0;x\u0007\u009b31m" },
    });
  } finally {
    await rm(home, { recursive: true });
  }
});
