import { expect, test } from "vitest";
import { parseJson } from "./json.ts";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

test("JSON is read as far as it may be walked", () => {
  expect(parseJson('{"a": [1, "]}\\"[["]}')).toEqual({ value: { a: [1, ']}"[['] } });
  expect(parseJson(nested(64))).toBeDefined();
  expect(parseJson(nested(65))).toBeUndefined();
  expect(parseJson(nested(100_000))).toBeUndefined();
  expect(parseJson('{"a":'.repeat(100_000))).toBeUndefined();
  expect(parseJson(`["${"[".repeat(1000)}"]`)).toBeDefined();
  expect(parseJson("no JSON")).toBeUndefined();
});
