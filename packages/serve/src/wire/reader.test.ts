import { expect, test } from "vitest";
import { differ } from "./differ.ts";

test("whatever the reader takes, node's own parser reads to the same byte", async () => {
  const { taken, letGo, different } = await differ(20_261_130, 6000);
  expect(different).toEqual([]);
  expect(taken).toBeGreaterThan(1000);
  expect(letGo).toBeGreaterThan(1000);
}, 30_000);
