import type { Cells } from "../model/tensors.ts";
import type { Feature } from "./features.ts";
import type { Row } from "./row.ts";

// What differs per model is written out as code once, as ajv does: at 40,000 rows a second, looking up which
// feature comes next costs more than reading it. Only names, numbers and our own words get into the code.

/** Says yes only to a row that is complete and right as it stands; anything else is for the real validator to judge. */
export function compileGlance(features: readonly Feature[]): (row: unknown) => boolean {
  if (features.some((feature) => feature.type === "tensor")) return () => false;
  const allowed = features.map((feature) => new Set<unknown>(feature.allowed));
  const tests = features.map((feature, index) => {
    const value = `row[${JSON.stringify(feature.name)}]`;
    const gone = feature.missing
      ? `${feature.default === undefined ? `${value} === undefined || ` : ""}${value} === null || `
      : "";
    if (feature.allowed !== undefined) return `(${gone}allowed[${index}].has(${value}))`;
    const kind = {
      number: `Number.isFinite(${value})`,
      integer: `Number.isInteger(${value})`,
      boolean: `typeof ${value} === "boolean"`,
      string: `typeof ${value} === "string"`,
      tensor: "false",
    }[feature.type];
    const numeric = feature.type === "number" || feature.type === "integer";
    const low = numeric && feature.minimum !== undefined ? ` && ${value} >= ${feature.minimum}` : "";
    const high = numeric && feature.maximum !== undefined ? ` && ${value} <= ${feature.maximum}` : "";
    return `(${gone}${kind}${low}${high})`;
  });
  const missing = features.filter((feature) => feature.missing);
  const absent = missing.map(({ name }) => `(row[${JSON.stringify(name)}] === undefined ? 1 : 0)`).join(" + ") || "0";
  const body = `return (row) => {
    if (typeof row !== "object" || row === null || Array.isArray(row)) return false;
    if (!(${tests.join(" && ")})) return false;
    let keys = 0;
    for (const key in row) keys++;
    return keys === ${features.length} - (${absent});
  };`;
  return build(["allowed"], body, [allowed]) as (row: unknown) => boolean;
}

/** Writes the cells of rows of scalars, in the order of the features. */
export function compileFill(
  features: readonly Feature[],
  cells: "number" | "bigint" | "string" | "flag",
): (rows: readonly Row[], to: Cells) => void {
  const codes = features.map((feature) => feature.codes);
  const wrap = {
    number: (value: string) => value,
    string: (value: string) => value,
    bigint: (value: string) => `BigInt(${value})`,
    flag: (value: string) => `Number(${value})`,
  }[cells];
  const lines = features.map((feature, index) => {
    const value = `row[${JSON.stringify(feature.name)}]`;
    const known = feature.codes === undefined ? value : `codes[${index}].get(${value})`;
    const hole = feature.missing ? `${value} === undefined || ${value} === null ? NaN : ` : "";
    return `to[at++] = ${hole}${wrap(known)};`;
  });
  const body = `return (rows, to) => { let at = 0; for (let i = 0; i < rows.length; i++) { const row = rows[i]; ${lines.join(" ")} } };`;
  return build(["codes"], body, [codes]) as (rows: readonly Row[], to: Cells) => void;
}

function build(names: string[], body: string, values: unknown[]): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval -- the code is ours; names go in as JSON strings
  return new Function(...names, body)(...values) as unknown;
}
