import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { parseAccess } from "drayage-record";
import { add, type Histogram, quantile } from "./histogram.ts";
import { Numbers, together } from "./numbers.ts";
import { Prometheus } from "./prometheus.ts";

const line = (release: string, status: number, ms: number, caller: string = "-", ended: string = "----"): string =>
  `172.18.0.1:50100 [25/Nov/2026:17:34:14.730] http~ s_loans/${release} 0/2/0/${ms}/${ms + 3} ${status} 84 - - ${ended} 3/1/0/0/0 0/0 "POST /decisions HTTP/1.1" 5f3c8a52-1f0e-4a6b-9d3e-0b1c2d3e4f50 ${caller}`;

test("percentiles are right to a tenth", () => {
  const histogram: Histogram = {};
  for (let ms = 1; ms <= 1000; ms++) add(histogram, ms);
  for (const share of [0.5, 0.95, 0.99]) {
    expect(quantile(histogram, share)).toBeGreaterThanOrEqual(share * 1000);
    expect(quantile(histogram, share)).toBeLessThan(share * 1000 * 1.11);
  }
  expect(quantile({}, 0.5)).toBe(0);
});

test("minutes are counted, kept on the disk, and found again by a keeper that is started anew", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-numbers-"));
  try {
    const numbers = new Numbers(home, () => undefined);
    const access = (text: string): NonNullable<ReturnType<typeof parseAccess>> => {
      const found = parseAccess(text);
      if (found === undefined) throw new Error("no line");
      return found;
    };
    const now = Date.now();
    for (let index = 0; index < 10; index++) numbers.add(access(line("r1.1", 200, 10, "a")), now - 120_000);
    numbers.add(access(line("r2.1", 500, 10)), now);
    numbers.add(access(line("r2.1", 200, 10, "b", "cD--")), now);
    const rows = await numbers.since(600);
    expect(
      [...together(rows, (row) => row.release)].map(([release, row]) => [release, row.statuses, row.left]),
    ).toEqual([
      ["r1", { 200: 10 }, 0],
      ["r2", { 500: 1 }, 1],
    ]);
    expect(await numbers.since(30)).toHaveLength(1);
    await numbers.flush();
    const again = new Numbers(home, () => undefined);
    await again.load();
    expect(together(await again.since(600), () => "").get("")).toMatchObject({
      statuses: { 200: 10, 500: 1 },
      callers: { a: 10 },
    });
    const felt = together(await again.since(600), () => "").get("")?.byCaller?.["a"];
    expect(Object.values(felt?.total ?? {}).reduce((sum, count) => sum + count, 0)).toBe(10);
    expect(together(await again.since(7200), () => "").get("")?.statuses).toEqual({ 200: 10, 500: 1 });
  } finally {
    await rm(home, { recursive: true });
  }
});

test("tokens are counted by release and by caller, also of a client that went away; their speed is that of streams", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-numbers-"));
  try {
    const numbers = new Numbers(home, () => undefined);
    const prometheus = new Prometheus();
    await prometheus.text("loans");
    const answered = (told: string, caller: string, ended?: string): void => {
      // 100 ms in all, of which none in the queue.
      const access = parseAccess(line("r1.1", 200, 97, caller, ended).replace('HTTP/1.1" ', `HTTP/1.1" ${told} `));
      if (access === undefined) throw new Error("no line");
      for (const taker of [numbers, prometheus]) taker.add(access);
    };
    answered("-/48/-/5+25", "a");
    answered("-/48/-/5+5", "a", "cD--");
    answered("-/-/-/2+3", "b");
    answered("-/-/-/-", "b");
    const row = together(await numbers.since(600), ({ release }) => release).get("r1");
    expect(row?.tokens).toEqual({ asked: 12, answered: 33, streamed: 30, streamMs: 100 });
    expect(row?.byCaller?.["a"]?.tokens).toMatchObject({ asked: 10, answered: 30 });
    expect(row?.byCaller?.["b"]?.tokens).toMatchObject({ asked: 2, answered: 3, streamed: 0 });
    expect(await prometheus.text("loans")).toContain(
      'dray_tokens_total{service="loans",release="r1",caller="a",kind="answered"} 30',
    );
  } finally {
    await rm(home, { recursive: true });
  }
});

test("a minute that the disk does not take is said, and written with the next one", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-numbers-"));
  try {
    const said: string[] = [];
    const numbers = new Numbers(home, (text) => said.push(text));
    const access = parseAccess(line("r1.1", 200, 10));
    if (access === undefined) throw new Error("no line");
    await writeFile(path.join(home, "history"), "in the way");
    numbers.add(access, Date.now() - 120_000);
    await numbers.flush();
    expect(said).toEqual([expect.stringMatching(/^numbers: EEXIST.*; tried again in a minute$/)]);
    expect(together(await numbers.since(7200), () => "").get("")?.statuses).toEqual({ 200: 1 });
    await rm(path.join(home, "history"));
    numbers.add(access);
    await numbers.flush();
    expect(said).toHaveLength(1);
    const again = new Numbers(home, () => undefined);
    expect(together(await again.since(7200), () => "").get("")?.statuses).toEqual({ 200: 2 });
  } finally {
    await rm(home, { recursive: true });
  }
});

test("every metric of the dashboard and the rules is one that the keeper gives", async () => {
  const prometheus = new Prometheus();
  // Each service's are counted from when somebody first asked for them.
  const { service } = parseAccess(line("r1.1", 200, 40, "partners")) ?? { service: "" };
  await prometheus.text(service);
  const access = parseAccess(line("r1.1", 200, 40, "partners"));
  if (access !== undefined) prometheus.add(access);
  const text = await prometheus.text(service);
  for (const file of ["grafana.json", "rules.yaml"]) {
    const wanted = await readFile(new URL(`../../../../docs/monitoring/${file}`, import.meta.url), "utf8");
    const names = new Set(wanted.match(/dray_\w+/g));
    expect(names.size).toBeGreaterThan(2);
    for (const name of names) expect(text, name).toContain(`${name}{`);
  }
});
