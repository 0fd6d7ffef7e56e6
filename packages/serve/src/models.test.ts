import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeMeters } from "./http/metrics.ts";
import { openApi } from "./http/openapi.ts";
import { readAsking } from "./http/v2/request.ts";
import { parseSchema } from "./schema/schema-file.ts";
import { makeService, type Service } from "./service.ts";

const LIMITS = { batch: 64, queue: 256, rows: 100, timeoutMs: 1000 };

const stranger = (name: string): string => `../../../test/fixtures/models/${name}/model.onnx`;

async function serviceOf(name: string, schema: string = ""): Promise<Service> {
  const where = name.endsWith(".onnx") ? name : `../fixtures/${name}.onnx`;
  const file = fileURLToPath(new URL(where, import.meta.url));
  const source = { file: readFileSync(file), folder: path.dirname(file) };
  const load = { threads: 1, gpu: false };
  return await makeService({ source, schema: parseSchema(schema), load, limits: LIMITS }, makeMeters("t", "r"));
}

const ask = async (service: Service, body: unknown): Promise<unknown[]> =>
  await service.ask(service.validator.rows(body));
const names = (service: Service): string[] => service.features.map((feature) => feature.name);

test("scikit-learn's ZipMap is taken out: probabilities keep their labels", async () => {
  const service = await serviceOf("zipmap");
  expect(names(service)).toEqual(["X_0", "X_1"]);
  const [decision] = await ask(service, { X_0: 2, X_1: 1 });
  expect(decision).toMatchObject({ label: "yes", probabilities: { no: expect.any(Number), yes: expect.any(Number) } });
  const { score, probabilities } = decision as { score: number; probabilities: { yes: number } };
  expect(score).toBe(probabilities.yes);
});

test("a threshold moves the line, names and labels come from schema.yaml", async () => {
  const schema = "features: [{name: income}, {name: age}]\nlabels: [reject, approve]\nthreshold: 0.999999\n";
  const service = await serviceOf("zipmap", schema);
  const [decision] = await ask(service, { income: 2, age: 1 });
  expect(decision).toMatchObject({ label: "reject" });
});

test("a regressor's score; names from the model's metadata", async () => {
  const service = await serviceOf("regressor");
  expect(names(service)).toEqual(["a", "b", "c"]);
  expect(
    await ask(service, [
      { a: 1, b: 1, c: 1 },
      { a: 0, b: 0, c: 2 },
    ]),
  ).toEqual([{ score: 6 }, { score: 6 }]);
});

test("a column of every scalar type", async () => {
  const service = await serviceOf("columns");
  const row = {
    f32: 0.5,
    f64: 0.25,
    f16: 1.5,
    i64: 9_007_199_254_740_991,
    i32: -5,
    i8: -128,
    u8: 255,
    flag: true,
    text: "hé",
  };
  const [decision] = await ask(service, row);
  expect(decision).toMatchObject({
    outputs: { echo: ["hé"], same: [9_007_199_254_740_991], truth: [true], half: [1.5] },
  });
  for (const wrong of [{ i8: 128 }, { u8: -1 }, { i64: 0.5 }, { i64: 1e300 }, { flag: 1 }, { text: 7 }, { f32: "1" }]) {
    expect(() => service.validator.rows({ ...row, ...wrong })).toThrow(`/${Object.keys(wrong)[0]}`);
  }
});

test("an image is a nested array; a wrong shape is refused with its place", async () => {
  const service = await serviceOf("image");
  const pixels = [0, 1, 2].map((channel) => Array.from({ length: 4 }, () => [channel, channel, channel, channel]));
  expect(await ask(service, { pixels })).toEqual([{ outputs: { mean: [0, 1, 2] } }]);
  expect(() => service.validator.rows({ pixels: pixels.slice(1) })).toThrow("/pixels");
  expect(() => service.validator.rows({ pixels: [...pixels.slice(1), [[1]]] })).toThrow("/pixels");
});

test("rows of different lengths come together and each gets its own answer", async () => {
  const service = await serviceOf("tokens");
  const answers = await Promise.all([
    ask(service, { ids: [1, 5, 2] }),
    ask(service, { ids: [7] }),
    ask(service, { ids: [3, 4] }),
  ]);
  expect(answers.flat()).toEqual([
    { outputs: { largest: 5 } },
    { outputs: { largest: 7 } },
    { outputs: { largest: 4 } },
  ]);
  expect(() => service.validator.rows({ ids: [] })).toThrow("/ids");
});

test("integers that pick rows of an embedding are held against its rows, on both routes", async () => {
  const service = await serviceOf(stranger("made-tokens"));
  expect(service.features).toMatchObject([{ name: "ids", minimum: -20, maximum: 19 }]);
  expect(() => service.validator.rows({ ids: [3, 20] })).toThrow("/ids/1");
  const body = (...data: number[]): Buffer =>
    Buffer.from(JSON.stringify({ inputs: [{ name: "ids", datatype: "INT64", shape: [1, data.length], data }] }));
  expect(() => readAsking(body(3, 20), undefined, service)).toThrow("ids: value 1: expected integer from -20 to 19");
  expect(readAsking(body(3, 19), undefined, service).feeds["ids"]?.dims).toEqual([1, 2]);
});

test("a model that takes one row at a time gets one at a time", async () => {
  const service = await serviceOf("fixed");
  expect(service.batching).toMatchObject({ together: false });
  expect(names(service)).toHaveLength(1);
  expect(await ask(service, [{ x: [[1, 2]] }, { x: [[3, 4]] }])).toEqual([
    { outputs: { y: [[2, 4]] } },
    { outputs: { y: [[6, 8]] } },
  ]);
});

test("schema.yaml says that the first dimension is no rows: a request is one whole sequence", async () => {
  const service = await serviceOf(stranger("made-sequence-cumsum"), "rows: false\n");
  expect(await ask(service, { x: [1, 2, 3] })).toEqual([{ outputs: { y: [1, 3, 6] } }]);
});

test.each([
  ["made-sequence-cumsum", "a row's y is another one in company than alone"],
  ["made-normalised-over-batch", "a row's y is another one in company than alone"],
  ["made-baked-to-one", /^for \d+ rows its y has the shape \[1, \d+\]$/],
  ["made-detections", /^for one row its y has the shape \[\d, 2\]$/],
  ["made-fixed-batch-one", "its inputs are not lists of rows"],
])("%s is asked one request at a time, and says why", async (name, why) => {
  const { batching } = await serviceOf(stranger(name));
  expect(batching).toMatchObject({ together: false, rows: 1, why: expect.stringMatching(why) });
});

test("schema.yaml says what outputs mean, and the model has them", async () => {
  const service = await serviceOf(stranger("made-two-numbers"), "outputs: {score: label}\n");
  const [decision] = await ask(service, { x_0: 1, x_1: 2, x_2: 3 });
  expect(decision).toEqual({ score: expect.any(Number), outputs: { y: [expect.any(Number)] } });
  const wrong = serviceOf(stranger("made-two-numbers"), "outputs: {score: z}\n");
  await expect(wrong).rejects.toThrow('outputs names "z", which the model has not; it has: y, label');
  const narrow = serviceOf(stranger("made-two-numbers"), "outputs: {probabilities: y}\n");
  await expect(narrow).rejects.toThrow("it has no column per class");
});

test("labels of schema.yaml stand for the classes that the model has, whatever their numbers are", async () => {
  const service = await serviceOf(stranger("made-linear-classifier-ints"), "labels: [three, seven, nine]\n");
  const [decision] = await ask(service, { x_0: -3, x_1: -3 });
  expect(decision).toMatchObject({ label: "three", probabilities: { three: expect.any(Number) } });
});

test("a fixed batch is filled up, cut and split", async () => {
  const service = await serviceOf(stranger("made-fixed-batch-classifier"));
  expect(service.batching).toMatchObject({ together: true, rows: 3 });
  const rows = Array.from({ length: 7 }, (_, index) => ({ x_0: index - 3, x_1: 3 - index * 0.5 }));
  const alone = await Promise.all(rows.map(async (row) => (await ask(service, row))[0]));
  expect(await ask(service, rows)).toEqual(alone);
});

test("what cannot be served says why", async () => {
  await expect(serviceOf("sequence")).rejects.toThrow("the output parts is a sequence; only tensors can be served");
  await expect(serviceOf("regressor", "features: [{name: d}]")).rejects.toThrow(
    'names a feature "d" that the model has not',
  );
  await expect(serviceOf("zipmap", "labels: [a, b, c]")).rejects.toThrow("3 labels");
  expect(() => parseSchema("features:\n  - {nam: x}\n")).toThrow("schema.yaml:2");
});

test("every model has an OpenAPI whose own example it answers", async () => {
  for (const name of ["zipmap", "regressor", "columns", "image", "tokens", "fixed"]) {
    const service = await serviceOf(name);
    const api = openApi(service, { service: "t", release: "r", route: "/decisions" }) as {
      components: { schemas: { Row: { examples: unknown[] } } };
    };
    expect(await ask(service, api.components.schemas.Row.examples[0])).toHaveLength(1);
  }
});

test("what schema.yaml says of the whole input of a model is no fault where its first dimension could be rows", async () => {
  const name = stranger("made-fixed-matrix");
  const [feature] = (await serviceOf(name)).features;
  expect(feature).toMatchObject({ name: "x", shape: [3, 2] });
  const written = "features: [{name: x, example: [[0, 0], [0, 0], [0, 0]]}]\n";
  expect((await serviceOf(name, written)).features).toMatchObject([{ name: "x", shape: [3, 2] }]);
  await expect(serviceOf(name, "features: [{name: z}]\n")).rejects.toThrow('"z" that the model has not');
});
