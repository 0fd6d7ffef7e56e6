import { readFileSync } from "node:fs";
import http from "node:http";
import { deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../start.ts";
import { example, LOANS, startTest } from "../testing.ts";

// How a server behaves towards clients that nobody asked to behave like ours.

let running: Running;
beforeAll(async () => (running = await startTest({ ...LOANS, body: 100_000 })));
afterAll(async () => await running.close());

const { rows } = JSON.parse(readFileSync(example("expected.json"), "utf8")) as { rows: object[] };
const good = JSON.stringify(rows[0]);

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

/** As it is: fetch adds headers, tidies paths up and unpacks what is packed. */
async function ask(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(running.address);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return await new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers: { ...length, ...headers } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("end", () => {
        const whole = Buffer.concat(chunks);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole, text: whole.toString() });
      });
    });
    request.once("error", reject);
    request.end(body);
  });
}

test.each<[string, Record<string, string>]>([
  ["no content type", {}],
  ["curl -d", { "content-type": "application/x-www-form-urlencoded" }],
  ["a type of somebody's own", { "content-type": "application/vnd.acme+json; charset=utf-8" }],
])("JSON is taken as JSON: %s", async (_name, headers) => {
  const { status, text } = await ask("POST", "/decisions", { body: good, headers });
  expect([status, JSON.parse(text)]).toMatchObject([200, { label: "approve" }]);
});

test("what is not JSON and says nothing is told which content type to send", async () => {
  for (const headers of [
    {},
    { "content-type": "application/x-www-form-urlencoded" },
    { "content-type": "text/plain" },
  ]) {
    const { status, text } = await ask("POST", "/decisions", { body: "income=7", headers });
    expect([status, text]).toEqual([415, expect.stringContaining("content-type: application/json")]);
  }
  const said = { "content-type": "application/vnd.acme+json" };
  expect((await ask("POST", "/decisions", { body: "{", headers: said })).status).toBe(400);
});

test.each([
  ["gzip", gzipSync, gunzipSync],
  ["deflate", deflateSync, inflateSync],
] as const)("%s both ways, on every route", async (name, pack, unpack) => {
  const headers = { "content-type": "application/json", "content-encoding": name, "accept-encoding": name };
  const body = pack(JSON.stringify(rows.slice(0, 100)));
  const answer = await ask("POST", "/decisions", { body, headers });
  expect(answer).toMatchObject({ status: 200, headers: { "content-encoding": name, vary: "accept-encoding" } });
  expect(JSON.parse(unpack(answer.body).toString())).toHaveLength(100);
  const [tensor, count] = [Array.from({ length: 24 * 60 }, () => 1), 60];
  const inputs = [{ name: "features", datatype: "FP32", shape: [count, 24], data: tensor }];
  const v2 = await ask("POST", "/v2/models/loans/infer", { body: pack(JSON.stringify({ inputs })), headers });
  expect(v2).toMatchObject({ status: 200, headers: { "content-encoding": name } });
  expect(JSON.parse(unpack(v2.body).toString())).toMatchObject({ model_name: "loans" });
  // A small answer is not worth it.
  expect((await ask("POST", "/decisions", { body: pack(good), headers })).headers["content-encoding"]).toBe(undefined);
});

test.each(["/decisions", "/v2/models/loans/infer"])(
  "%s: what unpacks to more than a body may have is 413",
  async (path) => {
    const json = { "content-type": "application/json", "content-encoding": "gzip" };
    const bomb = gzipSync(Buffer.alloc(200_000_000, " "));
    // As large as a body may be: 90 kB that would become 90 MB.
    const started = performance.now();
    const { status, text } = await ask("POST", path, { body: bomb.subarray(0, 90_000), headers: json });
    expect([status, text]).toEqual([413, expect.stringContaining("100000")]);
    expect(performance.now() - started).toBeLessThan(2000);
    expect((await ask("POST", path, { body: gzipSync(good).subarray(0, 20), headers: json })).status).toBe(400);
    expect((await ask("POST", path, { body: "no gzip", headers: json })).status).toBe(400);
    const brotli = { ...json, "content-encoding": "br" };
    expect((await ask("POST", path, { body: "x", headers: brotli })).status).toBe(415);
    expect((await ask("POST", "/decisions", { body: good })).status).toBe(200);
  },
);

test.each([
  ["GET", "/decisions", "POST"],
  ["DELETE", "/", "GET, HEAD"],
  ["PUT", "/decisions/", "POST"],
  ["PATCH", "/v2/models/loans/infer", "POST"],
  ["POST", "/v2", "GET, HEAD"],
  ["TRACE", "/health/live", "GET, HEAD"],
])("%s %s is 405 with allow", async (method, path, allow) => {
  const { status, headers, text } = await ask(method, path);
  expect([status, headers.allow]).toEqual([405, allow]);
  const { error } = JSON.parse(text) as { error: unknown };
  expect(typeof error).toBe(path.startsWith("/v2") ? "string" : "object");
});

test("OPTIONS says what there is", async () => {
  expect(await ask("OPTIONS", "/decisions")).toMatchObject({ status: 204, headers: { allow: "POST" } });
});

test("a slash at the end is no other route", async () => {
  expect((await ask("POST", "/decisions/", { body: good })).status).toBe(200);
  expect((await ask("GET", "/v2/models/loans/")).status).toBe(200);
  expect((await ask("GET", "/docs/")).status).toBe(200);
});

test.each(["/v2/nothing", "/v2/models/other", "/v2/models/loans/versions/9", "/v2/models/loans/nothing", "/v2/%zz"])(
  "%s: an error of the protocol is a text",
  async (path) => {
    const { status, headers, text } = await ask("GET", path);
    expect(headers["content-type"]).toBe("application/json");
    expect([status, JSON.parse(text)]).toEqual([path.includes("%") ? 400 : 404, { error: expect.any(String) }]);
  },
);

test.each(["/%6detrics", "/metrics/", "/metric%73", "//metrics", "/metrics/?x", "/./metrics", "/metrics%3f"])(
  "the numbers are not at %s, where a proxy would not keep them to itself",
  async (path) => {
    const { status, text } = await ask("GET", path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain("dray_");
  },
);

test("the numbers are at /metrics", async () => {
  expect((await ask("GET", "/metrics")).text).toContain("dray_requests_total");
  expect((await ask("GET", "/metrics?name[]=x")).status).toBe(200);
});

test.each([
  ["/", "text/html"],
  ["/docs", "*/*"],
])("the page %s may not be framed, sniffed or followed, and runs nothing from elsewhere", async (path, accept) => {
  const { headers } = await ask("GET", path, { headers: { accept } });
  expect(headers["content-type"]).toContain("text/html");
  expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("script-src 'unsafe");
});
