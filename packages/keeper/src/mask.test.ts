import { expect, test } from "vitest";
import { Mask } from "./mask.ts";

const M = "[masked]";
const mask = new Mask({ mask: ["income"] });

test.each([
  [
    { income: 5200, age: 3 },
    { income: M, age: 3 },
  ],
  [
    { Income: 5200, " INCOME ": 1, ｉncome: 2 },
    { Income: M, " INCOME ": M, ｉncome: M },
  ],
  [{ a: [{ income: { b: 1 } }] }, { a: [{ income: M }] }],
  [{ inputs: [{ name: "income", shape: [1], data: [5200] }] }, { inputs: [{ name: "income", shape: [1], data: M }] }],
  [{ inputs: [{ name: "age", shape: [1, 1], data: [3] }] }, { inputs: [{ name: "age", shape: [1, 1], data: [3] }] }],
  [{ inputs: [{ name: "x", shape: [1, 2], data: [5200, 1] }] }, { inputs: [{ name: "x", shape: [1, 2], data: M }] }],
  [{ instances: [[5200, "Jane"]] }, { instances: [M] }],
  [{ instances: [5200, "Jane"] }, { instances: M }],
  [[[5200, "Jane"]], [M]],
  [[5200, "Jane"], M],
  [[{ income: 1, age: 2 }], [{ income: M, age: 2 }]],
  [{ data: { ndarray: [[5200]] } }, { data: { ndarray: [M] } }],
  [
    { columns: ["income", "age"], data: [[5200, 3]] },
    { columns: ["income", "age"], data: [[M, 3]] },
  ],
  [{ tags: ["a", "b"] }, { tags: ["a", "b"] }],
  ["text", "text"],
])("%j is kept as %j", (request, kept) => expect(mask.request(request)).toEqual(kept));

test("an answer's rows are the model's own, and its fields are masked", () => {
  expect(mask.answer({ predictions: [[0.1, 0.9]], income: 1 })).toEqual({ predictions: [[0.1, 0.9]], income: M });
});

test("with a list of what is kept, all else is masked", () => {
  const only = new Mask({ mask: ["income"], only: ["age", "income", "score"] });
  expect(only.request({ Age: 3, name: "Jane", income: 5, deep: { age: [1, 2], text: "x" } })).toEqual({
    Age: 3,
    name: M,
    income: M,
    deep: { age: [1, 2], text: M },
  });
  expect(only.request("free text")).toBe(M);
  expect(only.answer({ score: 0.9, why: "Jane earns 5" })).toEqual({ score: 0.9, why: M });
  expect(only.request({ inputs: [{ name: "name", shape: [1], data: ["Jane"] }] })).toEqual({
    inputs: [{ name: "name", shape: [1], data: M }],
  });
});

test("without a mask everything is as it came", () => {
  expect(new Mask({ mask: [] }).request({ instances: [[1]] })).toEqual({ instances: [[1]] });
});
