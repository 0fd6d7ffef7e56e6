import { expect, test } from "vitest";
import { inCommon } from "./parts.ts";

const LAYERS = ["base", "empty", "app", "empty", "model"];
const DIFFS = ["b", "e", "a", "e", "m"];
const shared = (...chains: string[][]): string[] => [...inCommon(LAYERS, DIFFS, chains)];

test("a layer is shared where all below it are, with the image that has most", () => {
  expect(shared()).toEqual([]);
  expect(shared(["x", "e", "a"])).toEqual([]);
  expect(shared(["b"], [], ["b", "x", "a", "e", "m"])).toEqual(["base"]);
  expect(shared([...DIFFS, "more"])).toEqual(["base", "empty", "app", "model"]);
});

test("a layer that comes again above those that are shared has to travel", () => {
  expect(shared(["b", "e", "a"])).toEqual(["base", "app"]);
});
