import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { compareBodies } from "./compare.ts";
import { type Copy, parseCopy } from "./copy.ts";
import type { ShadowReport } from "drayage-record";
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
  ["[".repeat(100_000), "[".repeat(100_000), []],
  ["[".repeat(2000) + "]".repeat(2000), "[".repeat(2001) + "]".repeat(2001), ["body"]],
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

/** The report, which is written once a second. */
async function reportOf(shadows: Shadows, home: string, wishes: Parameters<Shadows["want"]>[0]): Promise<ShadowReport> {
  await shadows.want(wishes);
  return JSON.parse(await readFile(path.join(home, "shadow-loans.json"), "utf8")) as ShadowReport;
}

/** A server that notes what it is asked; what it answers is the test's. */
async function listener(
  answer: (request: http.IncomingMessage, response: http.ServerResponse) => void = (_, response) => response.end("{}"),
): Promise<{ server: http.Server; url: string; asked: http.IncomingMessage[] }> {
  const asked: http.IncomingMessage[] = [];
  const server = http.createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  server.on("upgrade", (request, socket) => {
    asked.push(request);
    socket.end("HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const copyOf = (target: string, headers: string = "", method: string = "POST"): Copy => {
  const line = ["copy", "loans", "1", "-", "r1.1", "id-1", method, "200", "12", base64(target)];
  const copy = parseCopy([...line, base64(`${headers}\r\n`), base64("[7]"), base64("{}")].join(" "));
  if (copy === undefined) throw new Error("no copy");
  return copy;
};

test("a copy goes to the release under test and to nobody that its path or headers name", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-shadow-"));
  const [release, other] = [await listener(), await listener()];
  const shadows = new Shadows(home, () => undefined);
  try {
    const wishes = {
      loans: { release: "r2", share: 100, servers: [release.url], timeoutMs: 5000, tolerance: 0 },
    };
    await shadows.want(wishes);
    const host = other.url.slice("http://".length);
    for (const evil of [
      `//${host}/latest`,
      `/\\${host}/latest`,
      `\\\\${host}/`,
      other.url,
      `@${host}/`,
      "/a b",
      "*",
      "",
    ])
      if (evil !== "") shadows.take(copyOf(evil));
    shadows.take(copyOf("/path/", "constructor: a\r\n__proto__: b\r\nhost: c\r\n"));
    shadows.take({ ...copyOf("/"), shadow: false });
    await expect.poll(() => release.asked.length).toBe(1);
    expect(release.asked[0]?.url).toBe("/path/");
    expect(release.asked[0]?.rawHeaders.join(" ")).toMatch(/constructor a .*__proto__ b/);
    expect(release.asked[0]?.headers.host).toBe(release.url.slice("http://".length));
    expect(other.asked).toEqual([]);
    // What cannot be sent decides nothing about the release.
    await expect.poll(() => reportOf(shadows, home, wishes), { timeout: 5000 }).toMatchObject({ compared: 1 });
    expect(await reportOf(shadows, home, wishes)).toMatchObject({ copied: 1, agreement: 1 });
  } finally {
    for (const { server } of [release, other]) {
      server.closeAllConnections();
      server.close();
    }
    await rm(home, { recursive: true, force: true });
  }
});

test("an answer without end, of 2 MB, or of another kind is no answer, and the release is asked the next copy", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-shadow-"));
  const { server, url } = await listener((request, response) => {
    if (request.url === "/endless") response.write("{");
    else if (request.url === "/large") response.end("a".repeat(2_000_000));
    else response.end("{}");
  });
  const shadows = new Shadows(home, () => undefined);
  try {
    const wishes = { loans: { release: "r2", share: 100, servers: [url], timeoutMs: 300, tolerance: 0 } };
    const report = async (): Promise<ShadowReport> => await reportOf(shadows, home, wishes);
    await shadows.want(wishes);
    for (const bad of ["/endless", "/large"]) for (let time = 0; time < 8; time++) shadows.take(copyOf(bad));
    shadows.take(copyOf("/full"));
    await expect.poll(async () => (await report()).compared, { timeout: 5000 }).toBe(16);
    shadows.take(copyOf("/", "", "CONNECT"));
    for (let time = 0; time < 4; time++) shadows.take(copyOf("/good"));
    await expect.poll(async () => (await report()).compared, { timeout: 5000 }).toBe(21);
    expect(await report()).toMatchObject({ copied: 22, dropped: 1, agreed: 4 });
  } finally {
    server.closeAllConnections();
    server.close();
    await rm(home, { recursive: true, force: true });
  }
});
