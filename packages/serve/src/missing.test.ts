import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { makeMeters } from "./http/metrics.ts";
import { parseSchema } from "./schema/schema-file.ts";
import { makeService, type Service } from "./service.ts";

async function serviceOf(name: string, schema: string = ""): Promise<Service> {
  const file = fileURLToPath(new URL(`../../../test/fixtures/models/${name}/model.onnx`, import.meta.url));
  const limits = { batch: 64, queue: 256, rows: 100, timeoutMs: 60_000 };
  const source = { file: readFileSync(file), folder: path.dirname(file) };
  const load = { threads: 1, gpu: false };
  return await makeService({ source, schema: parseSchema(schema), load, limits }, makeMeters("t", "r"));
}

const ask = async (service: Service, body: unknown): Promise<unknown> =>
  (await service.ask(service.validator.rows(body)))[0];

test("null and absence are a hole where the graph knows what to do with one", async () => {
  const service = await serviceOf("made-imputer");
  expect(await ask(service, { x_0: 1, x_1: 2, x_2: null })).toEqual({ score: 33 });
  expect(await ask(service, { x_1: 2 })).toEqual({ score: 42 });
  expect(() => service.validator.rows({ x_1: 2, x_9: 1 })).toThrow("/x_9");
  expect(() => service.validator.rows({ x_1: "2" })).toThrow(
    "expected a number, or null where it is missing, got a text",
  );
});

test("elsewhere they are refused, unless schema.yaml allows them", async () => {
  const plain = await serviceOf("made-regressor");
  expect(() => plain.validator.rows({ a: 1, b: 2, c: null })).toThrow("/c: expected a number, got null");
  expect(() => plain.validator.rows({ a: 1, b: 2 })).toThrow("/c: expected a number, got nothing");
  const allowed = await serviceOf(
    "made-regressor",
    "features: [{name: c, missing: true}, {name: a, missing: true, default: 1}]\n",
  );
  expect(await ask(allowed, { a: 1, b: 2 })).toEqual({ score: null });
  expect(await ask(allowed, { b: 2, c: 1 })).toEqual(await ask(allowed, { a: 1, b: 2, c: 1 }));
  const forbidden = await serviceOf(
    "made-imputer",
    "features: [{name: x_0, missing: false}, {name: x_1}, {name: x_2}]\n",
  );
  expect(() => forbidden.validator.rows({ x_0: null, x_1: 1, x_2: 1 })).toThrow("/x_0");
  await expect(serviceOf("made-large-integers", "features: [{name: a, missing: true}, {name: b}]\n")).rejects.toThrow(
    "int64",
  );
});

test("columns that the file leaves open come from the graph; names in schema.yaml may be more", async () => {
  expect((await serviceOf("made-open-columns")).features).toHaveLength(5);
  expect((await serviceOf("made-open-columns-tree")).features).toHaveLength(4);
  const names = ["a", "b", "c", "d", "e", "f"].map((name) => `{name: ${name}}`).join(", ");
  const service = await serviceOf("made-open-columns-tree", `features: [${names}]\n`);
  expect(await ask(service, { a: 0, b: 0, c: 0, d: -1, e: 0, f: 0 })).toEqual({ score: -1.5 });
});

test("an invented example that the model does not take is no reason not to serve it", async () => {
  const service = await serviceOf("made-wants-seven");
  expect(service.exampleRefused).toMatch(/^the model does not take this input: its Reshape says: /);
  expect(await ask(service, { x: [[1, 2, 3, 4, 5, 6, 7]] })).toEqual({ outputs: { y: [[1, 2, 3, 4, 5, 6, 7]] } });
  const told = await serviceOf("made-wants-seven", "features: [{name: x, example: [[1, 2, 3, 4, 5, 6, 7]]}]\n");
  expect([told.exampleRefused, told.example]).toEqual([undefined, { x: [[1, 2, 3, 4, 5, 6, 7]] }]);
  const wrong = serviceOf("made-wants-seven", "features: [{name: x, example: [[1, 2]]}]\n");
  await expect(wrong).rejects.toThrow("the model does not take this input");
});
