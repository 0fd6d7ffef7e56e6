import { createReadStream } from "node:fs";
import path from "node:path";
import { parse } from "csv-parse";
import { Failure } from "../../base/failure.ts";
import type { Json } from "../../core/json.ts";
import { linesOf } from "./lines.ts";
import { parquetRows } from "./parquet.ts";
import type { BatchRow } from "./row.ts";

/** What a row of this API looks like; undefined where nobody has an example. */
export type Example = Readonly<Record<string, Json>> | undefined;

type Reader = (file: string, example: Example) => AsyncGenerator<BatchRow>;

const READERS: Readonly<Record<string, Reader>> = {
  ".csv": csvRows,
  ".tsv": csvRows,
  ".jsonl": jsonRows,
  ".ndjson": jsonRows,
  ".parquet": parquetRows,
};

/** The rows of a file in their order, one at a time. @throws Failure usage.invalid */
export function rowsOf(file: string, example: Example): AsyncGenerator<BatchRow> {
  const reader = READERS[path.extname(file).toLowerCase()];
  if (reader !== undefined) return reader(file, example);
  throw new Failure("usage.invalid", `${path.basename(file)} is none of ${Object.keys(READERS).join(", ")}`, {
    hint: 'JSON lines have one row a line: {"income": 41000, "age": 37}',
  });
}

async function* jsonRows(file: string): AsyncGenerator<BatchRow> {
  let row = 0;
  for await (const { text } of linesOf(file)) {
    const body = text.replace(/^\uFEFF/, "").trim();
    if (body === "") continue;
    row++;
    const broken = jsonProblem(body);
    yield { row, body, ...(broken === undefined ? {} : { broken }) };
  }
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return `the line is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The first line names the columns. An empty cell is a value that is missing: it is left out. */
async function* csvRows(file: string, example: Example): AsyncGenerator<BatchRow> {
  const delimiter = await delimiterOf(file);
  const records = createReadStream(file).pipe(
    parse({ bom: true, delimiter, relax_column_count: true, skip_empty_lines: true }),
  );
  let columns: string[] | undefined;
  let row = 0;
  try {
    for await (const cells of records as AsyncIterable<string[]>) {
      if (columns === undefined) {
        columns = cells.map((cell) => cell.trim());
        checkColumns(file, columns, example);
      } else yield csvRow(++row, columns, cells, example);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("usage.invalid", `${path.basename(file)} is not valid CSV: ${messageOf(error)}`, {
      hint: "the line is named; rows before it are answered, and the same command goes on behind them",
      cause: error,
    });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A comma, unless the first line has none and another sign that separates columns. */
async function delimiterOf(file: string): Promise<string> {
  for await (const { text } of linesOf(file)) {
    if (text.includes(",")) return ",";
    return [";", "\t"].find((sign) => text.includes(sign)) ?? ",";
  }
  return ",";
}

/** Columns that the API has no field for are a wrong file, or a file without a header. @throws Failure usage.invalid */
function checkColumns(file: string, columns: readonly string[], example: Example): void {
  if (example === undefined || columns.some((column) => Object.hasOwn(example, column))) return;
  const known = Object.keys(example).slice(0, 8).join(", ");
  throw new Failure("usage.invalid", `no column of ${path.basename(file)} is one of the API's: ${known}`, {
    hint: "the first line of a CSV names its columns",
  });
}

function csvRow(row: number, columns: readonly string[], cells: readonly string[], example: Example): BatchRow {
  const named = columns.flatMap((column, at): [string, Json][] => {
    const cell = cells[at] ?? "";
    return cell === "" ? [] : [[column, valueOf(cell, example?.[column])]];
  });
  const body = JSON.stringify(Object.fromEntries(named));
  if (cells.length === columns.length) return { row, body };
  return { row, body, broken: `the row has ${cells.length} cells, and there are ${columns.length} columns` };
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const WORDS = new Map([
  ["true", true],
  ["false", false],
]);

/** A cell has the type of the API's example; without one, what looks like a number is one. */
function valueOf(cell: string, example: Json | undefined): Json {
  if (typeof example === "string") return cell;
  const trimmed = cell.trim();
  if (typeof example === "boolean" && /^[01]$/.test(trimmed)) return trimmed === "1";
  if (typeof example === "number" && trimmed !== "" && Number.isFinite(Number(trimmed))) return Number(trimmed);
  if (typeof example === "object" && example !== null) return nested(cell);
  if (JSON_NUMBER.test(trimmed)) return Number(trimmed);
  return WORDS.get(trimmed.toLowerCase()) ?? cell;
}

/** A list or an object in a cell is written as JSON. */
function nested(cell: string): Json {
  try {
    return JSON.parse(cell) as Json;
  } catch {
    return cell;
  }
}
