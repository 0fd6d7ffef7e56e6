import { Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { canJoin, join, rowsOf, type Tensors, tensorsAsked } from "./asked.ts";

const floats = (dims: number[], from: number = 0): Tensor => {
  const size = dims.reduce((product, each) => product * each, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: size }, (_, index) => from + index),
    dims,
  );
};
const asked = (dims: number[], from?: number): Tensors => tensorsAsked({ x: floats(dims, from) }, true);

test("tensors of the same width are put below each other, and come apart again", () => {
  const words = (...texts: string[]): Tensors => tensorsAsked({ t: new Tensor("string", texts, [texts.length]) }, true);
  const both = join([asked([1, 2]), asked([2, 2], 10)]) as Tensors;
  expect(both.length).toBe(3);
  expect(rowsOf(both.feeds, 1, 2)["x"]?.data).toEqual(Float32Array.from([10, 11, 12, 13]));
  const texts = join([words("a"), words("b", "c")]) as Tensors;
  expect(rowsOf(texts.feeds, 1, 2)["t"]).toMatchObject({ dims: [2], data: ["b", "c"] });
});

test.each<[string, Tensors, number]>([
  ["another width", asked([1, 3]), 1],
  ["no rows", asked([0, 2]), 1],
  ["inputs of different lengths", tensorsAsked({ x: floats([1, 2]), y: floats([4, 2]) }, true), 4],
  ["a model that takes one request at a time", tensorsAsked({ x: floats([5, 2]) }, false), 1],
])("%s is run alone", (_name, other, length) => {
  expect(canJoin(asked([1, 2]), other)).toBe(false);
  expect(canJoin(other, other)).toBe(other.joins !== undefined);
  expect(other.length).toBe(length);
});

test("rows and tensors are not mixed", () => {
  expect(canJoin([{ a: 1 }], asked([1, 2]))).toBe(false);
  expect(canJoin(asked([1, 2]), [{ a: 1 }])).toBe(false);
  expect(canJoin([{ a: 1 }], [{ a: 2 }])).toBe(true);
});
