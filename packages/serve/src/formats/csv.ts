import { parse } from "csv-parse/sync";
import { Refusal } from "../refusal.ts";
import type { Decision } from "../schema/decisions.ts";
import type { Feature } from "../schema/features.ts";
import type { Row } from "../schema/row.ts";

/**
 * Rows of text/csv, as SageMaker's built-in models take them: the columns are the features in their order, without a
 * header. A first line of nothing but names of features is a header, and says the order. @throws Refusal
 */
export function rowsOfCsv(text: string, features: readonly Feature[]): Row[] {
  const lines = linesOf(text);
  const [only] = features;
  if (features.length === 1 && only?.type === "tensor" && only.shape.length === 1)
    return lines.map((cells) => ({ [only.name]: cells.map(numberOf) }));
  if (features.some((feature) => feature.type === "tensor"))
    throw new Refusal(415, "this model's rows are nested arrays, which CSV cannot say; send JSON");
  const byName = new Map(features.map((feature) => [feature.name, feature]));
  const [first = []] = lines;
  const named = first.map((cell) => byName.get(cell.trim()));
  const hasHeader = first.length > 0 && named.every((feature) => feature !== undefined);
  const columns = hasHeader ? named.filter((feature) => feature !== undefined) : features;
  return (hasHeader ? lines.slice(1) : lines).map((cells, index) => rowOf(cells, columns, index));
}

/**
 * Answers as CSV, a line for each row: the score of a regressor or of two classes, the probabilities of more, in the
 * order of the labels; else the label, else the outputs' numbers.
 */
export function csvOf(decisions: readonly Decision[]): string {
  return decisions.map((decision) => `${valuesOf(decision).map(written).join(",")}\n`).join("");
}

function linesOf(text: string): string[][] {
  try {
    return parse(text, { relax_column_count: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    throw new Refusal(400, `the body is not valid CSV: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function rowOf(cells: readonly string[], columns: readonly Feature[], index: number): Row {
  if (cells.length !== columns.length) {
    const expected = `${columns.length} columns: ${columns.map(({ name }) => name).join(", ")}`;
    const issue = { path: `/${index}`, expected, got: `${cells.length} columns` };
    throw new Refusal(422, `/${index}: expected ${expected}, got ${issue.got}`, [issue]);
  }
  const row: Row = {};
  for (const [at, feature] of columns.entries()) {
    const cell = cells[at]?.trim() ?? "";
    // An empty cell is a value that is missing.
    if (cell !== "") row[feature.name] = valueOf(cell, feature);
  }
  return row;
}

/** A cell that is not of the feature's type stays a text, which the schema then refuses by name. */
function valueOf(cell: string, feature: Feature): unknown {
  if (feature.type === "number" || feature.type === "integer") return numberOf(cell);
  if (feature.type === "boolean")
    return { true: true, false: false, "1": true, "0": false }[cell.toLowerCase()] ?? cell;
  return cell;
}

function numberOf(cell: string): number | string {
  const value = Number(cell);
  return cell.trim() === "" || Number.isNaN(value) ? cell : value;
}

function valuesOf({ score, probabilities, label, outputs }: Decision): unknown[] {
  if (probabilities !== undefined && Object.keys(probabilities).length !== 2) return Object.values(probabilities);
  if (score !== undefined) return [score];
  if (label !== undefined) return [label];
  return Object.values(outputs ?? {}).flat(20);
}

function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
