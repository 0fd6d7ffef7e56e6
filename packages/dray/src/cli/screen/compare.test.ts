import { expect, test } from "vitest";
import { compareMarkdown, costRows, factRows, priceAge } from "../../core/compare.ts";
import { WAYS } from "../../core/compare-facts.ts";
import { SOURCES } from "../../core/compare-facts.ts";
import { compareText } from "./compare.ts";

const NOW = new Date("2026-11-30T00:00:00Z");
const rows = [...factRows(), ...costRows({ requestsPerSecond: 1, msPerRequest: 20, machineType: "n1-standard-2" })];

test("four facts of five have a source that was read or measured this year; the rest say since when they were not checked", () => {
  const facts = factRows().flatMap(({ known }) => WAYS.map((way) => known[way]));
  const fresh = facts.filter(({ asOf, checked }) => checked && asOf.startsWith("2026"));
  expect(fresh.length / facts.length).toBeGreaterThanOrEqual(0.8);
  const text = compareText(rows, 80, NOW);
  expect(text).toContain("not checked since 2025-06");
  for (const { source } of Object.values(SOURCES)) {
    expect(compareMarkdown(rows, NOW)).toContain(source);
    if (source.startsWith("https:")) expect(text).toContain(`${source}\n`);
  }
});

test.each([60, 80, 200])("a terminal of %d columns has no line that is broken by it, but for an address", (columns) => {
  const wide = compareText(rows, columns, NOW)
    .split("\n")
    .filter((line) => line.length > Math.min(columns, 100) && !line.includes("https://"));
  expect(wide).toEqual([]);
});

test("every number at a fact leads to a source", () => {
  const text = compareText(rows, 80, NOW);
  const [facts = "", sources = ""] = text.split("sources:");
  const used = new Set([...facts.matchAll(/\[(\d+)\]/g)].map(([, number]) => number));
  const listed = new Set([...sources.matchAll(/^\[(\d+)\]/gm)].map(([, number]) => number));
  expect(used).toEqual(listed);
});

test("the age of the prices is said, with their region and date", () => {
  expect(priceAge(NOW)).toContain("us-central1, written down in 2025-06, 17 months ago, and not checked since");
});
