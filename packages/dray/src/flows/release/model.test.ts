import { expect, test } from "vitest";
import { memoryFor } from "./model.ts";

test.each([
  [1000, "512MiB"],
  [100e6, "768MiB"],
  [500e6, "1792MiB"],
  [2.2e9, "4096MiB"],
])("a model of %d bytes gets %s", (bytes, memory) => {
  expect(memoryFor({ bytes })).toBe(memory);
});
