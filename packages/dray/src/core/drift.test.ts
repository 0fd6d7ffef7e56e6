import { expect, test } from "vitest";
import { driftOf, flatten } from "./drift.ts";

const normal = (mean: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => {
    // The quantiles of a normal distribution, nearly (Tukey's lambda): the same numbers every time.
    const p = (index + 0.5) / count;
    return mean + (p ** 0.135 - (1 - p) ** 0.135) / 0.1975;
  });

test("the same distribution is stable, one that moved by half a deviation has, and by two it has drifted", () => {
  const of = (mean: number): string | undefined =>
    driftOf(new Map([["x", normal(0, 500)]]), new Map([["x", normal(mean, 300)]]))[0]?.verdict;
  expect([of(0), of(0.45), of(2)]).toEqual(["stable", "moved", "drifted"]);
});

test("categories count, too; what there is little of is left out; the worst comes first", () => {
  const many = (value: string | number, count: number): (string | number)[] =>
    Array.from({ length: count }, () => value);
  const before = new Map([
    ["kind", [...many("a", 50), ...many("b", 50)]],
    ["same", normal(0, 100)],
    ["rare", many("x", 5)],
  ]);
  const now = new Map([
    ["kind", [...many("a", 5), ...many("c", 95)]],
    ["same", normal(0, 100)],
    ["rare", many("y", 500)],
  ]);
  const found = driftOf(before, now);
  expect(found.map(({ field, kind, verdict }) => [field, kind, verdict])).toEqual([
    ["kind", "category", "drifted"],
    ["same", "number", "stable"],
  ]);
  expect(flatten({ a: { b: 1 }, list: [{ c: "x" }, { c: true }], none: null })).toEqual([
    ["a.b", 1],
    ["list.c", "x"],
    ["list.c", "true"],
  ]);
});
