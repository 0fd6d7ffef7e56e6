import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../../start.ts";
import { fixture, postJson, startTest, stranger } from "../../testing.ts";

interface Described {
  running: Running;
  /** Of a request's body. */
  allows: (body: unknown) => boolean;
}

interface Api {
  paths: Record<string, { post: { requestBody: { content: Record<string, { schema: object }> } } }>;
}

async function described(model: string): Promise<Described> {
  const running = await startTest({ model, service: "m" });
  const api = (await (await fetch(`${running.address}/openapi.json`)).json()) as Api;
  const infer = api.paths["/v2/models/{model}/infer"]?.post.requestBody.content["application/json"];
  return { running, allows: new Ajv2020({ strict: false }).compile(infer?.schema ?? {}) };
}

let columns: Described;
let holes: Described;
beforeAll(async () => {
  columns = await described(fixture("columns"));
  holes = await described(stranger("made-imputer"));
});
afterAll(async () => {
  for (const { running } of [columns, holes]) await running.close();
});

/** Does the description allow this body, and does the server? */
async function verdicts({ running, allows }: Described, body: unknown): Promise<[boolean, boolean]> {
  return [allows(body), (await postJson(`${running.address}/v2/models/m/infer`, body)).ok];
}

const CELLS = { f32: 0, f64: 0, f16: 0, i64: 0, i32: 0, i8: 0, u8: 0, flag: true, text: "" };
const TYPES = { f32: "FP32", f64: "FP64", f16: "FP16", i64: "INT64", i32: "INT32", i8: "INT8", u8: "UINT8" };
const inputsOf = (cells: Record<string, unknown>): object[] =>
  Object.entries({ ...CELLS, ...cells }).map(([name, cell]) => ({
    name,
    datatype: { ...TYPES, flag: "BOOL", text: "BYTES" }[name],
    shape: [1, 1],
    data: Array.isArray(cell) ? cell : [cell],
  }));

test.each<[string, boolean, object]>([
  ["an id", true, { id: "7", inputs: inputsOf({}) }],
  ["an id that is null", true, { id: null, inputs: inputsOf({}) }],
  ["an id that is a number", false, { id: 7, inputs: inputsOf({}) }],
  ["a flag that is 1", true, { inputs: inputsOf({ flag: 1 }) }],
  ["a flag that is 2", false, { inputs: inputsOf({ flag: 2 }) }],
  ["data nested as the shape says", true, { inputs: inputsOf({ f32: [[0.5]], text: [["a"]] }) }],
  ["nested data with too many values", false, { inputs: inputsOf({ f32: [[0.5, 1]] }) }],
  ["null where nothing may be missing", false, { inputs: inputsOf({ f32: null }) }],
  ["a number that its type does not hold", false, { inputs: inputsOf({ i8: 128 }) }],
  ["an input of another name", false, { inputs: inputsOf({ more: 1 }) }],
  ["an input that is missing", false, { inputs: inputsOf({}).slice(1) }],
])("the description and the server say the same of %s", async (_title, allowed, body) => {
  expect(await verdicts(columns, body)).toEqual([allowed, allowed]);
});

test("null is a missing value in the description where it is one for the server", async () => {
  const inputs = [{ name: "x", datatype: "FP32", shape: [1, 3], data: [null, 0, 0] }];
  expect(await verdicts(holes, { inputs })).toEqual([true, true]);
  const words = [{ name: "x", datatype: "FP32", shape: [1, 3], data: ["0", 0, 0] }];
  expect(await verdicts(holes, { inputs: words })).toEqual([false, false]);
});
