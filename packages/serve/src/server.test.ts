import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readSettings } from "./settings.ts";
import { type Running, start } from "./start.ts";

const example = (name: string): string =>
  fileURLToPath(new URL(`../../../examples/decisions-onnx/${name}`, import.meta.url));
const expected = JSON.parse(readFileSync(example("expected.json"), "utf8")) as { rows: Row[]; approve: number[] };
type Row = Record<string, unknown>;

let running: Running;
let base = "";
beforeAll(async () => {
  vi.stubEnv("AIP_PREDICT_ROUTE", "/v1/endpoints/7/deployedModels/8:predict");
  vi.stubEnv("AIP_HEALTH_ROUTE", "/v1/endpoints/7/deployedModels/8");
  const argv = ["--model", example("model.onnx"), "--schema", example("schema.yaml"), "--port", "0", "--workers", "1"];
  const flags = [
    "--log",
    "silent",
    "--service",
    "loans",
    "--release",
    "r1",
    "--host",
    "127.0.0.1",
    "--body",
    "1000000",
  ];
  running = await start(readSettings([...argv, ...flags], {}, (file) => readFileSync(file, "utf8")));
  base = running.address;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await running.close();
});

interface Refused {
  error: { message: string; issues?: { path: string; expected: string; got: string }[] };
}

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; json: unknown; headers: Headers }> {
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(base + path, {
    method: "POST",
    body: sent,
    headers: { "content-type": "application/json", ...headers },
  });
  return { status: answer.status, json: await answer.json().catch(() => undefined), headers: answer.headers };
}

const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  await fetch(base + path, { headers });
const [good = {}] = expected.rows;

test("answers as scikit-learn does, to 1e-5, for a row and for a list", async () => {
  const { json } = await post("/decisions", expected.rows);
  const scores = (json as { score: number }[]).map((decision) => decision.score);
  const off = scores.map((score, index) => Math.abs(score - (expected.approve[index] ?? Number.NaN)));
  expect(Math.max(...off)).toBeLessThan(1e-5);
  const one = await post("/decisions", good);
  expect(one.json).toMatchObject({ label: "approve", score: scores[0], probabilities: { approve: scores[0] } });
});

test("requests that come together get each its own answer", async () => {
  const answers = await Promise.all(
    expected.rows.slice(0, 200).map(async (row) => (await post("/decisions", row)).json),
  );
  for (const [index, answer] of answers.entries()) {
    expect((answer as { score: number }).score).toBeCloseTo(expected.approve[index] ?? Number.NaN, 5);
  }
});

test.each<[string, unknown, number, string, string]>([
  ["a missing field", { ...good, income: undefined }, 422, "/income", "a number from 0 to 10000 (thousand EUR)"],
  ["an extra field", { ...good, inkome: 1 }, 422, "/inkome", "only income, amount"],
  ["a wrong type", { ...good, income: "a lot" }, 422, "/income", "a number"],
  ["a fraction", { ...good, age: 41.5 }, 422, "/age", "an integer from 18 to 120"],
  ["out of range", { ...good, age: 17 }, 422, "/age", "an integer from 18 to 120 (years)"],
  ["a value that is not in the list", { ...good, housing: "tent" }, 422, "/housing", 'one of "own", "rent"'],
  ["null", { ...good, income: null }, 422, "/income", "a number"],
  ["in a list", [good, { ...good, income: true }], 422, "/1/income", "a number"],
  ["no object", 7, 422, "", "an object with named features"],
  ["an empty list", [], 422, "", "a list of at least one"],
])("%s is refused with its place", async (_what, body, status, path, wanted) => {
  const { status: got, json } = await post("/decisions", body);
  expect(got).toBe(status);
  expect((json as Refused).error.issues?.[0]).toMatchObject({ path, expected: expect.stringContaining(wanted) });
});

test.each<[string, string, Record<string, string>, number]>([
  ["malformed JSON", '{"income": ', {}, 400],
  ["NaN", JSON.stringify(good).replace(/"income":[^,]+/, '"income":NaN'), {}, 400],
  ["Infinity", JSON.stringify(good).replace(/"income":[^,]+/, '"income":1e999'), {}, 422],
  ["nothing", "", {}, 400],
  ["deep nesting", "[".repeat(100_000) + "]".repeat(100_000), {}, 422],
  ["a prototype", `{"__proto__": {"income": 1}, ${JSON.stringify(good).slice(1)}`, {}, 422],
  ["another content type", JSON.stringify(good), { "content-type": "text/plain" }, 415],
  ["a huge body", JSON.stringify([good]) + " ".repeat(1_000_001), {}, 413],
  ["a huge batch", JSON.stringify(Array.from({ length: 1025 }, () => ({}))), {}, 413],
])("%s is refused", async (_what, body, headers, status) => {
  expect((await post("/decisions", body, headers)).status).toBe(status);
  expect((await post("/decisions", good)).status).toBe(200);
});

test("defaults are filled in", async () => {
  const { dependents: _a, channel: _b, collateral: _c, ...rest } = good;
  const full = { ...rest, dependents: 0, channel: "web", collateral: 0 };
  expect((await post("/decisions", rest)).json).toEqual((await post("/decisions", full)).json);
});

test("the greeting is a page for a browser and JSON for a program", async () => {
  const program = (await (await get("/")).json()) as { example: { body: Row }; links: { docs: string } };
  expect(program).toMatchObject({ service: "loans", release: "r1", links: { docs: "/docs" } });
  expect((await post("/decisions", program.example.body)).status).toBe(200);
  const page = await (await get("/", { accept: "text/html,*/*" })).text();
  expect(page).toContain("Loan decisions");
  expect(page).toContain("a number from 0 to 10000 (thousand EUR)");
});

test("the documentation needs no network", async () => {
  const page = await (await get("/docs")).text();
  expect(page).not.toMatch(/https?:\/\//);
  for (const [, file] of page.matchAll(/(?:src|href)="([^"]+)"/g)) expect((await get(`/${file}`)).status).toBe(200);
  const api = (await (await get("/openapi.json")).json()) as {
    openapi: string;
    components: { schemas: { Row: { properties: Row } } };
  };
  expect(api.openapi).toBe("3.1.0");
  expect(api.components.schemas.Row.properties["age"]).toMatchObject({ type: "integer", minimum: 18, maximum: 120 });
});

test("the request id of the caller is kept, a bad one is replaced", async () => {
  expect((await post("/decisions", good, { "x-request-id": "abc-1" })).headers.get("x-request-id")).toBe("abc-1");
  expect((await post("/decisions", good, { "x-request-id": "a b" })).headers.get("x-request-id")).not.toBe("a b");
});

test("queue time, model time, batches and codes are counted", async () => {
  const text = await (await get("/metrics")).text();
  for (const name of [
    "dray_queue_seconds_bucket",
    "dray_model_seconds_bucket",
    "dray_batch_rows_bucket",
    "dray_model_info",
    "dray_rows_waiting",
  ]) {
    expect(text).toContain(name);
  }
  expect(text).toMatch(/dray_requests_total\{route="\/decisions",code="422",service="loans",release="r1"\} [1-9]/);
});

test("Vertex AI's container contract, version 1.0.0", async () => {
  expect((await get("/v1/endpoints/7/deployedModels/8")).status).toBe(200);
  const { json } = await post("/v1/endpoints/7/deployedModels/8:predict", { instances: [good, good], parameters: {} });
  expect((json as { predictions: unknown[] }).predictions).toHaveLength(2);
  const inOrder = await post("/v1/endpoints/7/deployedModels/8:predict", { instances: [Object.values(good)] });
  expect(inOrder.json).toMatchObject({ predictions: [{ label: "approve" }] });
  expect((await post("/v1/endpoints/7/deployedModels/8:predict", { instances: [{}] })).status).toBe(422);
});

test("SageMaker's container contract: /ping, /invocations", async () => {
  const ping = await get("/ping");
  expect([ping.status, await ping.text()]).toEqual([200, ""]);
  expect((await post("/invocations", good)).json).toMatchObject({ label: "approve" });
});

test("the Open Inference Protocol v2", async () => {
  expect(await (await get("/v2")).json()).toEqual({
    name: "drayage-serve",
    version: "r1",
    extensions: ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"],
  });
  expect(await (await get("/v2/health/live")).json()).toEqual({ live: true });
  expect(await (await get("/v2/health/ready")).json()).toEqual({ ready: true });
  expect(await (await get("/v2/models/loans/versions/r1/ready")).json()).toEqual({ name: "loans", ready: true });
  const model = (await (await get("/v2/models/loans")).json()) as { platform: string; inputs: { name: string }[] };
  expect(model).toMatchObject({
    platform: "onnx_onnxv1",
    inputs: [{ name: "features", datatype: "FP32", shape: [-1, 24] }],
  });
  // Tensors are the model's own: a category is its number there.
  interface Api {
    components: { schemas: { Row: { properties: Record<string, { enum?: unknown[] }> } } };
  }
  const { properties } = ((await (await get("/openapi.json")).json()) as Api).components.schemas.Row;
  const codes = {
    employment: ["retired", "salaried", "self-employed", "student", "unemployed"],
    customer: ["new", "returning"],
  };
  expect(new Set(properties["employment"]?.enum)).toEqual(new Set(codes.employment));
  const known = Object.keys(properties).map((name) => (properties[name]?.enum ?? []).map(String).toSorted());
  const data = Object.keys(properties).map((name, index) =>
    known[index]?.length ? known[index].indexOf(String(good[name])) : good[name],
  );
  const inputs = [{ name: "features", datatype: "FP32", shape: [1, 24], data: [data] }];
  const { json } = await post("/v2/models/loans/infer", { id: "42", inputs, outputs: [{ name: "probabilities" }] });
  const [output, ...more] = (json as { outputs: { data: number[] }[] }).outputs;
  expect(json).toMatchObject({ model_name: "loans", model_version: "r1", id: "42" });
  expect(more).toEqual([]);
  expect(output).toMatchObject({ name: "probabilities", datatype: "FP32", shape: [1, 2] });
  expect(output?.data[1]).toBeCloseTo(expected.approve[0] ?? 0, 5);
});

test.each<[string, object]>([
  ["an unknown input", { inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] }],
  ["a wrong type", { inputs: [{ name: "features", datatype: "INT64", shape: [1, 24], data: [] }] }],
  ["a wrong shape", { inputs: [{ name: "features", datatype: "FP32", shape: [1, 15], data: [] }] }],
  ["too few values", { inputs: [{ name: "features", datatype: "FP32", shape: [1, 24], data: [1, 2] }] }],
  ["no inputs", {}],
])("v2 refuses %s with a text", async (_what, body) => {
  const { status, json } = await post("/v2/models/loans/infer", body);
  expect(status).toBe(400);
  expect(json).toEqual({ error: expect.any(String) });
});

test("what is not there is 404", async () => {
  expect((await get("/v2/models/other")).status).toBe(404);
  expect((await get("/nothing")).status).toBe(404);
});
