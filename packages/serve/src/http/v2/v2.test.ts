import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../../start.ts";
import { fixture, LOANS, postJson, startTest } from "../../testing.ts";

// What Triton's clients send and expect, byte by byte; test/scenarios/clients.test.ts asks with the clients themselves.

let columns: Running;
let simple: Running;
let loans: Running;
beforeAll(async () => {
  columns = await startTest({ model: fixture("columns"), service: "columns" });
  simple = await startTest({ model: fixture("simple"), service: "simple", release: "1" });
  loans = await startTest(LOANS);
});
afterAll(async () => {
  for (const running of [columns, simple, loans]) await running.close();
});

interface Tensor {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown[];
  parameters?: { binary_data_size: number };
}
interface Reply {
  status: number;
  error?: string;
  outputs: Tensor[];
  /** What follows the JSON. */
  bytes: Buffer;
}

async function infer(running: Running, model: string, json: object, ...parts: Uint8Array[]): Promise<Reply> {
  const head = Buffer.from(JSON.stringify(json));
  const answer = await fetch(`${running.address}/v2/models/${model}/infer`, {
    method: "POST",
    body: new Uint8Array(Buffer.concat([head, ...parts])),
    headers: { "inference-header-content-length": String(head.length) },
  });
  const whole = Buffer.from(await answer.arrayBuffer());
  const length = Number(answer.headers.get("inference-header-content-length") ?? whole.length);
  const said = JSON.parse(whole.subarray(0, length).toString()) as { error?: string; outputs?: Tensor[] };
  return { status: answer.status, outputs: [], ...said, bytes: whole.subarray(length) };
}

const bytes = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const texts = (...all: string[]): Uint8Array =>
  Buffer.concat(
    all.flatMap((each) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(each));
      return [length, Buffer.from(each)];
    }),
  );

/** A column of each type, two rows: as bytes, and as JSON says the same. */
const COLUMNS: [name: string, datatype: string, cells: Uint8Array, data: unknown[]][] = [
  ["f32", "FP32", bytes(Float32Array.of(0.5, -1)), [0.5, -1]],
  ["f64", "FP64", bytes(Float64Array.of(0.25, 1e9)), [0.25, 1e9]],
  ["f16", "FP16", bytes(Uint16Array.of(0x3e_00, 0xc0_00)), [1.5, -2]],
  ["i64", "INT64", bytes(BigInt64Array.of(2n ** 53n + 1n, -1n)), ["9007199254740993", -1]],
  ["i32", "INT32", bytes(Int32Array.of(-5, 7)), [-5, 7]],
  ["i8", "INT8", bytes(Int8Array.of(-128, 127)), [-128, 127]],
  ["u8", "UINT8", bytes(Uint8Array.of(255, 0)), [255, 0]],
  ["flag", "BOOL", Uint8Array.of(1, 0), [true, false]],
  ["text", "BYTES", texts("hé", ""), ["hé", ""]],
];
const tensor = (name: string, datatype: string, cells: Uint8Array): object => ({
  name,
  datatype,
  shape: [2, 1],
  parameters: { binary_data_size: cells.length },
});

test("tensors of every type, as bytes in and out: what came is what goes", async () => {
  const inputs = COLUMNS.map(([name, datatype, cells]) => tensor(name, datatype, cells));
  const cells = COLUMNS.map(([, , each]) => each);
  const outputs = ["echo", "same", "truth", "half"].map((name) => ({ name, parameters: { binary_data: true } }));
  const binary = await infer(columns, "columns", { inputs, outputs }, ...cells);
  expect(binary.status).toBe(200);
  const back = ["text", "i64", "flag", "f16"].map(
    (name) => COLUMNS.find(([each]) => each === name)?.[2] ?? new Uint8Array(),
  );
  expect(binary.bytes.equals(Buffer.concat(back))).toBe(true);
  expect(binary.outputs.map(({ parameters }) => parameters?.binary_data_size)).toEqual(
    back.map(({ length }) => length),
  );
  const asJson = await infer(columns, "columns", { inputs }, ...cells);
  expect(asJson.outputs.find(({ name }) => name === "same")?.data).toEqual(["9007199254740993", -1]);
  expect(asJson.outputs.find(({ name }) => name === "echo")?.data).toEqual(["hé", ""]);
});

test("bytes for one input, JSON for another; binary_data_output for all outputs but those that say no", async () => {
  const ones = Int32Array.from({ length: 16 }, () => 1);
  const given = Int32Array.from({ length: 16 }, (_, index) => index);
  const inputs = [
    { name: "INPUT0", datatype: "INT32", shape: [1, 16], data: [...given] },
    { name: "INPUT1", datatype: "INT32", shape: [1, 16], parameters: { binary_data_size: 64 } },
  ];
  const outputs = [{ name: "OUTPUT1", parameters: { binary_data: false } }, { name: "OUTPUT0" }];
  const parameters = { binary_data_output: true };
  const answer = await infer(simple, "simple", { id: "7", inputs, outputs, parameters }, bytes(ones));
  expect(answer).toMatchObject({ id: "7", model_name: "simple", model_version: "1" });
  expect(answer.outputs[0]).toMatchObject({ name: "OUTPUT1", data: [...given].map((each) => each - 1) });
  expect(answer.bytes.equals(bytes(given.map((each) => each + 1)))).toBe(true);
});

test("a body without JSON is the only input", async () => {
  const answer = await fetch(`${loans.address}/v2/models/loans/infer`, {
    method: "POST",
    body: bytes(new Float32Array(48)) as Uint8Array<ArrayBuffer>,
    headers: { "inference-header-content-length": "0", "content-type": "application/octet-stream" },
  });
  const whole = Buffer.from(await answer.arrayBuffer());
  const length = Number(answer.headers.get("inference-header-content-length"));
  const { outputs } = JSON.parse(whole.subarray(0, length).toString()) as { outputs: Tensor[] };
  expect(outputs.find(({ name }) => name === "probabilities")).toMatchObject({ shape: [2, 2] });
});

test("classification: the highest with their places and names", async () => {
  const inputs = [{ name: "features", datatype: "FP32", shape: [1, 24], data: Array.from({ length: 24 }, () => 1) }];
  const outputs = [{ name: "probabilities", parameters: { classification: 1 } }];
  const { outputs: all } = await infer(loans, "loans", { inputs, outputs });
  expect(all[0]).toMatchObject({
    datatype: "BYTES",
    shape: [1, 1],
    data: [expect.stringMatching(/^0\.\d+:[01]:(approve|reject)$/)],
  });
});

const one = tensor("INPUT0", "INT32", new Uint8Array(64));
test.each<[string, object, Uint8Array[], string]>([
  ["too few bytes", { inputs: [one] }, [new Uint8Array(60)], "INPUT0"],
  ["bytes that belong to nobody", { inputs: [one] }, [new Uint8Array(132)], "behind the JSON"],
  [
    "a size that does not fit the shape",
    { inputs: [{ ...one, parameters: { binary_data_size: 8 } }] },
    [new Uint8Array(8)],
    "INPUT0",
  ],
  ["neither data nor bytes", { inputs: [{ ...one, parameters: {} }] }, [], "INPUT0"],
  [
    "an input twice",
    { inputs: [{ ...one, shape: [1, 16], data: Array.from({ length: 16 }, () => 1), parameters: {} }, one] },
    [],
    "INPUT0",
  ],
  ["an unknown output", { inputs: [one], outputs: [{ name: "x" }] }, [new Uint8Array(64)], "OUTPUT0"],
])("%s: 400 and a text", async (_name, json, parts, said) => {
  const { status, error } = await infer(simple, "simple", json, ...parts);
  expect([status, error]).toEqual([400, expect.any(String)]);
  if (!["OUTPUT0", "behind the JSON"].includes(said)) expect(error).toContain(said);
});

test("a length beyond the body, and texts that are not UTF-8, are refused", async () => {
  const answer = await postJson(
    `${simple.address}/v2/models/simple/infer`,
    {},
    { "inference-header-content-length": "9" },
  );
  expect([answer.status, await answer.json()]).toEqual([400, { error: expect.any(String) }]);
  const broken = COLUMNS.map(
    ([name, type, cells]) =>
      [name, type, name === "text" ? Uint8Array.of(1, 0, 0, 0, 255, 0, 0, 0, 0) : cells] as const,
  );
  const inputs = broken.map(([name, type, cells]) => tensor(name, type, cells));
  const { status, error } = await infer(columns, "columns", { inputs }, ...broken.map(([, , cells]) => cells));
  expect([status, error]).toEqual([400, expect.stringContaining("UTF-8")]);
});

test("what Triton's clients ask besides: configuration, statistics, repository", async () => {
  const get = async (path: string): Promise<unknown> => await (await fetch(simple.address + path)).json();
  expect(await get("/v2/models/simple/config")).toMatchObject({
    name: "simple",
    max_batch_size: 64,
    input: [{ name: "INPUT0", data_type: "TYPE_INT32", dims: [16] }, { name: "INPUT1" }],
  });
  const stats = { model_stats: [{ name: "simple", version: "1", execution_count: expect.any(Number) }] };
  expect(await get("/v2/models/simple/versions/1/stats")).toMatchObject(stats);
  expect(await get("/v2/models/stats")).toMatchObject(stats);
  const index = await postJson(`${simple.address}/v2/repository/index`, {});
  expect(await index.json()).toEqual([{ name: "simple", version: "1", state: "READY", reason: "" }]);
  expect((await postJson(`${simple.address}/v2/repository/models/simple/load`, {})).status).toBe(400);
});

test("KServe's protocol v1, which its SDK speaks when nothing else is said", async () => {
  const get = async (path: string): Promise<unknown> => await (await fetch(loans.address + path)).json();
  expect(await get("/v1/models/loans")).toEqual({ name: "loans", ready: true });
  expect(await get("/")).toMatchObject({ status: "alive" });
  const { example: call } = (await get("/")) as { example: { body: object } };
  const answer = await postJson(`${loans.address}/v1/models/loans:predict`, { instances: [call.body] });
  expect(await answer.json()).toMatchObject({ predictions: [{ label: expect.any(String) }] });
});
