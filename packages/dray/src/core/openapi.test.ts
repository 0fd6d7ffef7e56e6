import { expect, test } from "vitest";
import type { Json } from "./json.ts";
import { describedBy, predictionOf } from "./openapi.ts";

const REF = { $ref: "#/components/schemas/Loan" };

/** As FastAPI describes a POST of a pydantic model. */
const post = (schema: Json, media: object = {}): Json => ({
  post: { requestBody: { required: true, content: { "application/json": { schema, ...media } } } },
});

const api = (paths: { [path: string]: Json }, loan: Json = {}): Json => ({
  openapi: "3.1.0",
  paths,
  components: { schemas: { Loan: loan } },
});

const LOAN: Json = {
  type: "object",
  required: ["income", "years", "kind", "tags"],
  properties: {
    income: { type: "number", exclusiveMinimum: 0, maximum: 0.2 },
    years: { type: "integer", minimum: 3 },
    kind: { enum: ["car", "house"] },
    tags: { type: "array", items: { type: "string", minLength: 6 }, minItems: 2 },
    note: { anyOf: [{ type: "string" }, { type: "null" }] },
  },
};

test("an example is taken wherever the API says one: media type, examples, schema, every field", () => {
  const body = { income: 3 };
  const found = { method: "POST", path: "/predict", body, from: "example" };
  expect(predictionOf(api({ "/predict": post(REF, { example: body }) }))).toEqual(found);
  expect(predictionOf(api({ "/predict": post(REF, { examples: { one: { value: body } } }) }))).toEqual(found);
  expect(predictionOf(api({ "/predict": post(REF) }, { example: body }))).toEqual(found);
  expect(predictionOf(api({ "/predict": post(REF) }, { examples: [body] }))).toEqual(found);
  const fields: Json = { type: "object", properties: { income: { type: "number", examples: [3] } } };
  expect(predictionOf(api({ "/predict": post(REF) }, fields))).toEqual(found);
});

test("without one a body is made that fits the schema, and what may be left out is left out", () => {
  expect(predictionOf(api({ "/v1/predictLoan": post(REF) }, LOAN))).toEqual({
    method: "POST",
    path: "/v1/predictLoan",
    body: { income: 0.2, years: 3, kind: "car", tags: ["textxx", "textxx"] },
    from: "schema",
  });
});

test("a route with an example comes before one whose body would be made up", () => {
  const document = api({ "/predict": post(REF), "/decisions": post({ type: "object", example: { a: 1 } }) }, LOAN);
  expect(predictionOf(document)?.path).toBe("/decisions");
});

test("only a POST that is called a prediction is tried", () => {
  const body = { example: {} };
  const other = (path: string, item: Json): Json => api({ [path]: item });
  expect(predictionOf(other("/users", post({}, body)))).toBeUndefined();
  expect(predictionOf(other("/predictions/delete", post({}, body)))).toBeUndefined();
  expect(predictionOf(other("/train/score", post({}, body)))).toBeUndefined();
  expect(predictionOf(other("/models/{model}/predict", post({}, body)))).toBeUndefined();
  expect(predictionOf(other("/predict/\u001b[2J", post({}, body)))).toBeUndefined();
  for (const method of ["get", "put", "delete", "patch"])
    expect(predictionOf(other("/predict", { [method]: { requestBody: {} } }))).toBeUndefined();
  const needs = { parameters: [{ name: "tenant", in: "header", required: true }] };
  expect(predictionOf(other("/predict", { ...(post({}, body) as object), ...needs }))).toBeUndefined();
  expect(
    predictionOf(other("/predict", { post: { requestBody: { content: { "multipart/form-data": {} } } } })),
  ).toBeUndefined();
});

test("a description that leads nowhere, or in circles, names no prediction", () => {
  expect(predictionOf(null)).toBeUndefined();
  expect(predictionOf({ paths: [] })).toBeUndefined();
  expect(predictionOf(api({ "/predict": post({ $ref: "#/components/schemas/Gone" }) }))).toBeUndefined();
  const circle: Json = { type: "object", required: ["next"], properties: { next: REF } };
  expect(predictionOf(api({ "/predict": post(REF) }, circle))).toBeUndefined();
  expect(predictionOf(api({ "/predict": post(REF) }, REF))).toBeUndefined();
  const wide: Json = { type: "array", items: { type: "array", items: { type: "number" }, minItems: 60 }, minItems: 60 };
  expect(predictionOf(api({ "/predict": post(wide) }))).toBeUndefined();
});

test("why there is none is said", async () => {
  const said = async (status: number | undefined, body = ""): Promise<string> => {
    const found = await describedBy(() => Promise.resolve({ ...(status === undefined ? {} : { status }), body }));
    return "none" in found ? found.none : "a prediction";
  };
  expect(await said(404)).toBe("GET /openapi.json says 404");
  expect(await said(undefined)).toBe("GET /openapi.json is not answered");
  expect(await said(200, "<html>")).toBe("/openapi.json is no JSON");
  expect(await said(200, "{}")).toContain("names no prediction");
  expect(await said(200, JSON.stringify(api({ "/predict": post(REF) }, LOAN)))).toBe("a prediction");
});
