import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Example, rowsOf } from "./rows.ts";
import type { BatchRow } from "./row.ts";

const FIXTURES = fileURLToPath(new URL("../../../../../test/fixtures/rows", import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-rows-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function all(from: AsyncIterable<BatchRow>): Promise<BatchRow[]> {
  const rows: BatchRow[] = [];
  for await (const row of from) rows.push(row);
  return rows;
}

async function read(name: string, content: string, example?: Example): Promise<BatchRow[]> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return await all(rowsOf(file, example));
}

const bodies = (rows: readonly BatchRow[]): unknown[] => rows.map(({ body }) => JSON.parse(body) as unknown);

test("cells of a CSV have the types of the API's example, and an empty one is left out", async () => {
  const example = { income: 1.5, zip: "01234", owner: false, name: "" };
  const text = '\uFEFFincome,zip,owner,name\r\n41000,01234,1,"Ann, ""the"" first"\r\n,00017,true,\r\n';
  expect(bodies(await read("rows.csv", text, example))).toEqual([
    { income: 41000, zip: "01234", owner: true, name: 'Ann, "the" first' },
    { zip: "00017", owner: true },
  ]);
});

test("without an example, what looks like a number is one", async () => {
  const rows = await read("rows.csv", "a;b;c;d\n1.5e3;01;true;x\n");
  expect(bodies(rows)).toEqual([{ a: 1500, b: "01", c: true, d: "x" }]);
});

test("a row with another number of cells is told apart, and the others are read", async () => {
  const rows = await read("rows.csv", "a,b\n1,2\n1,2,3\n4,5\n");
  expect(rows.map(({ row, broken }) => [row, broken])).toEqual([
    [1, undefined],
    [2, "the row has 3 cells, and there are 2 columns"],
    [3, undefined],
  ]);
});

test("a CSV without a header is refused by the API's own columns", async () => {
  await expect(read("rows.csv", "41000,37\n52000,40\n", { income: 1, age: 2 })).rejects.toThrow(
    "no column of rows.csv is one of the API's: income, age",
  );
});

test("JSON lines go out as they are; one that is no JSON is told apart", async () => {
  const rows = await read("rows.jsonl", '{"id": 12345678901234567890}\n\n{"id": \n{"id": 2}');
  expect(rows.map(({ row, body }) => [row, body])).toEqual([
    [1, '{"id": 12345678901234567890}'],
    [2, '{"id":'],
    [3, '{"id": 2}'],
  ]);
  expect(rows.map(({ broken }) => broken?.slice(0, 19))).toEqual([undefined, "the line is no JSON", undefined]);
});

test.each(["snappy", "zstd"])("Parquet packed with %s", async (codec) => {
  const rows = await all(rowsOf(path.join(FIXTURES, `rows.${codec}.parquet`), undefined));
  const at = "2026-01-02T03:04:05.000Z";
  expect(bodies(rows)).toEqual([
    { income: 41.5, age: 37, employment: "self", tags: [1, 2], at },
    { income: null, age: 52, employment: "größe", tags: [], at },
    // 2^60 is no number that every reader of JSON keeps.
    { income: 12.25, age: "1152921504606846976", employment: null, tags: [3], at },
  ]);
});

test("a file that is neither is refused with the names of those that are taken", async () => {
  await expect(read("rows.xlsx", "")).rejects.toThrow("none of .csv, .tsv, .jsonl, .ndjson, .parquet");
  await expect(read("rows.parquet", "a,b\n1,2\n")).rejects.toThrow("rows.parquet cannot be read as Parquet");
});
