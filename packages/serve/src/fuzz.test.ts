import { readFileSync } from "node:fs";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "./settings.ts";
import { type Running, start } from "./start.ts";

const example = (name: string): string =>
  fileURLToPath(new URL(`../../../examples/decisions-onnx/${name}`, import.meta.url));

type Row = Record<string, unknown>;

let running: Running;
let isRow: (row: unknown) => boolean;
let good: Row = {};
const agent = new http.Agent({ keepAlive: true });
beforeAll(async () => {
  const files = [
    "--model",
    example("model.onnx"),
    "--schema",
    example("schema.yaml"),
    "--golden",
    example("golden.json"),
  ];
  const flags = ["--port", "0", "--host", "127.0.0.1", "--workers", "1", "--log", "silent", "--service", "loans"];
  running = await start(readSettings([...files, ...flags], {}, (file) => readFileSync(file, "utf8")));
  interface Api {
    components: { schemas: { Row: object & { examples: Row[] } } };
  }
  const api = (await (await fetch(`${running.address}/openapi.json`)).json()) as Api;
  [good = {}] = api.components.schemas.Row.examples;
  // The published schema is what a client goes by: the server must agree with it, whatever it is sent.
  isRow = new Ajv2020({ strict: false }).compile(api.components.schemas.Row);
});
afterAll(async () => {
  agent.destroy();
  await running.close();
});

async function post(path: string, body: string | Buffer, type: string): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      agent,
      headers: { "content-type": type, "content-length": Buffer.byteLength(body) },
    };
    const request = http.request(running.address + path, options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (text += chunk));
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    request.once("error", reject);
    request.end(body);
  });
}

const fuzz = { numRuns: 1500, seed: 20_261_124, endOnFailure: true };

/** The good row with some fields changed, removed or added. */
const rows = (): fc.Arbitrary<unknown> =>
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.constantFrom(...Object.keys(good)), fc.string()),
        fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.double(), fc.integer()),
      ),
      { maxLength: 4 },
    )
    .map((changes) => ({ ...good, ...Object.fromEntries(changes) }));

test("what the published schema allows is answered, everything else is a 4xx", async () => {
  const bodies = fc.oneof(rows(), fc.array(rows(), { maxLength: 3 }), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const sent = JSON.stringify(body);
      const { status, text } = await post("/decisions", sent, "application/json");
      const meant = JSON.parse(sent) as unknown;
      const allowed = Array.isArray(meant) ? meant.length > 0 && meant.every(isRow) : isRow(meant);
      expect(status, `${sent} -> ${text}`).toBe(allowed ? 200 : 422);
    }),
    fuzz,
  );
});

test("no bytes, no path and no type make a 5xx", async () => {
  const paths = fc.constantFrom(
    "/decisions",
    "/invocations",
    "/v2/models/loans/infer",
    "/v2/models/loans/versions/dev/infer",
  );
  const bodies = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json(),
  );
  const types = fc.constantFrom(
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/octet-stream",
    "x",
  );
  await fc.assert(
    fc.asyncProperty(paths, bodies, types, async (path, body, type) => {
      const { status } = await post(path, body, type);
      expect(status).toBeGreaterThanOrEqual(200);
      expect(status).toBeLessThan(500);
    }),
    fuzz,
  );
  expect((await post("/decisions", JSON.stringify(good), "application/json")).status).toBe(200);
});

test("v2 tensors of any name, type, shape and content: 200 or 400", async () => {
  const tensor = fc.record({
    name: fc.constantFrom("features", "x"),
    datatype: fc.constantFrom("FP32", "BYTES", "INT64", "BOOL"),
    shape: fc.oneof(fc.constantFrom([1, 24], [0, 24], [2, 12]), fc.array(fc.nat(40), { maxLength: 3 })),
    data: fc.oneof(
      fc.constantFrom(
        Object.values(good),
        Array.from({ length: 24 }, () => 1),
      ),
      fc.array(fc.jsonValue(), { maxLength: 17 }),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(tensor, { maxLength: 3 }), async (inputs) => {
      const { status, text } = await post("/v2/models/loans/infer", JSON.stringify({ inputs }), "application/json");
      expect([200, 400], `${JSON.stringify(inputs)} -> ${text}`).toContain(status);
    }),
    fuzz,
  );
});
