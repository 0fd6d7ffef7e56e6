import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { compareBodies } from "./compare.ts";
import { parseCopy } from "./copy.ts";
import { Tally } from "./report.ts";
import { Shadows } from "./shadows.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test("a copy is what the edge's log line says, without what belongs to one connection", () => {
  const headers = "content-type: application/json\r\nhost: api\r\nx-user: a: b\r\ncontent-length: 2\r\n\r\n";
  const line = ["copy", "loans", "1", "-", "r1.2", "id-1", "POST", "200", "12", base64("/d?x=1"), base64(headers)];
  const copy = parseCopy([...line, base64("{}"), base64('{"a":1}')].join(" "));
  expect(copy).toMatchObject({
    service: "loans",
    shadow: true,
    keep: false,
    release: "r1",
    id: "id-1",
    path: "/d?x=1",
  });
  expect(copy?.headers).toEqual([
    ["content-type", "application/json"],
    ["x-user", "a: b"],
  ]);
  expect(String(copy?.answer.body)).toBe('{"a":1}');
  expect(parseCopy("shadow something else")).toBeUndefined();
  expect(parseCopy("")).toBeUndefined();
});

test.each([
  ['{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1}', []],
  ['{"a": 1}', '{"a": 1.0000001}', []],
  ['{"a": 1}', '{"a": 1.5}', ["a"]],
  ['{"a": [{"b": 1}, {"b": 2}]}', '{"a": [{"b": 1}, {"b": 3}]}', ["a[].b"]],
  ['{"a": [1]}', '{"a": [1, 2]}', ["a[]"]],
  ['{"a": "x"}', "{}", ["a"]],
  ["null", "7", ["body"]],
  ["plain", "plain", []],
  ["plain", "other", ["body"]],
] as const)("%s against %s", (live, shadow, fields) => {
  expect(compareBodies(live, shadow, 1e-6).map((each) => each.at)).toEqual(fields);
});

test("a tally counts agreement, failures and how far numbers are apart", () => {
  const tally = new Tally("loans", "r2", 20);
  const answer = (body: string, status: number = 200): { status: number; ms: number; body: Buffer } => ({
    status,
    ms: 10,
    body: Buffer.from(body),
  });
  tally.add(answer('{"score": 0.5}'), answer('{"score": 0.5}'), 1e-6);
  tally.add(answer('{"score": 0.5}'), answer('{"score": 0.7}'), 1e-6);
  tally.add(answer('{"score": 0.5}'), answer('{"score": 0.9}'), 1e-6);
  tally.add(answer('{"score": 0.5}'), answer("", 500), 1e-6);
  tally.add(answer('{"score": 0.5}'), undefined, 1e-6);
  const report = tally.report();
  expect(report).toMatchObject({
    compared: 5,
    agreed: 1,
    agreement: 0.2,
    live: { count: 5, failed: 0 },
    shadow: { count: 5, failed: 2 },
  });
  expect(report.differences.map((each) => [each.at, each.count])).toEqual([
    ["score", 2],
    ["status", 1],
    ["answer", 1],
  ]);
  expect(report.differences[0]?.meanBy).toBeCloseTo(0.3);
  expect(report.differences[0]?.maxBy).toBeCloseTo(0.4);
});

test("a release under test is asked what was asked, under the same request id, and is told that nobody waits", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-shadow-"));
  const server = http.createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const shadows = new Shadows(home, () => undefined);
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const wish = { release: "r2", share: 100, servers: [url], timeoutMs: 5000, tolerance: 0 };
    await shadows.want({ loans: wish });
    const line = ["copy", "loans", "1", "-", "r1.1", "id-1", "POST", "200", "12", base64("/d?x=1")];
    const copy = parseCopy([...line, base64("x-user: a\r\n\r\n"), base64("[7]"), base64("{}")].join(" "));
    if (copy === undefined) throw new Error("no copy");
    const asked = once(server, "request") as Promise<[http.IncomingMessage]>;
    shadows.take(copy);
    const [request] = await asked;
    expect([request.method, request.url]).toEqual(["POST", "/d?x=1"]);
    expect(request.headers).toMatchObject({ "x-request-id": "id-1", "x-user": "a", "x-dray-shadow": "1" });
  } finally {
    await shadows.close();
    server.closeAllConnections();
    server.close();
    await rm(home, { recursive: true, force: true });
  }
});
