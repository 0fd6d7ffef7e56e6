import type { Feeds, Model, Port } from "../model/model.ts";
import { type Cell, fill, kindOf, tensorOf } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";
import type { Layout } from "../rows/layout.ts";
import { compileFill } from "./compiled.ts";
import type { Feature } from "./features.ts";
import type { Row } from "./row.ts";

/** Validated rows -> the model's inputs. One call makes the tensors of all rows together. */
export type Encode = (rows: readonly Row[]) => Feeds;

/** What differs per model is decided once; per request only cells are written. A model with room for a fixed number of rows gets the last one again in the places that are left. */
export function encoder(model: Model, features: readonly Feature[], layout: Layout): Encode {
  const plans = model.inputs.map((input) => {
    const mine = features.filter((feature) => feature.input === input.name);
    const [first] = mine;
    const make = first?.type === "tensor" ? deep(first, layout.rows) : flat(mine, input, layout.rows);
    return { input, make };
  });
  const encode: Encode = (rows) =>
    Object.fromEntries(
      plans.map(({ input, make }) => {
        const { cells, dims } = make(rows, kindOf(input.dtype).make);
        return [input.name, tensorOf(input.dtype, cells, dims)];
      }),
    );
  const { fixed } = layout;
  return fixed === undefined ? encode : (rows) => encode(padded(rows, fixed));
}

function padded(rows: readonly Row[], to: number): readonly Row[] {
  const last = rows.at(-1);
  if (last === undefined || rows.length >= to) return rows;
  return [...rows, ...Array.from({ length: to - rows.length }, () => last)];
}

type Make = (
  rows: readonly Row[],
  cellsOf: (length: number) => ReturnType<ReturnType<typeof kindOf>["make"]>,
) => {
  cells: ReturnType<ReturnType<typeof kindOf>["make"]>;
  dims: number[];
};

function flat(features: readonly Feature[], { shape, dtype }: Port, batches: boolean): Make {
  const width = features.length;
  const wide = dtype === "int64" || dtype === "uint64";
  const json = kindOf(dtype).json;
  const write = compileFill(
    features,
    wide ? "bigint" : json === "string" ? "string" : json === "boolean" ? "flag" : "number",
  );
  return (rows, cellsOf) => {
    const cells = cellsOf(rows.length * width);
    write(rows, cells);
    return { cells, dims: batches ? (shape.length === 1 ? [rows.length] : [rows.length, width]) : [...shape] };
  };
}

function deep(feature: Feature, batches: boolean): Make {
  return (rows, cellsOf) => {
    const [first] = rows;
    const shape = shapeOf(first?.[feature.name], feature.shape.length);
    const size = shape.reduce((product, each) => product * each, 1);
    const cells = cellsOf(rows.length * size);
    let at = 0;
    const write = (value: unknown, depth: number): void => {
      if (depth === shape.length) return fill(cells, at++, value as Cell | null);
      const items = value as unknown[];
      if (items.length !== shape[depth]) throw ragged(feature, shape);
      for (const item of items) write(item, depth + 1);
    };
    for (const row of rows) write(row[feature.name], 0);
    return { cells, dims: batches ? [rows.length, ...shape] : shape };
  };
}

/** The lengths of nested arrays, from their first members. */
export function shapeOf(value: unknown, rank: number): number[] {
  if (rank === 0 || !Array.isArray(value)) return [];
  return [value.length, ...shapeOf(value[0], rank - 1)];
}

function ragged(feature: Feature, shape: readonly number[]): Refusal {
  const wanted = `arrays of one length each: [${shape.join(", ")}]`;
  return new Refusal(422, `/${feature.name}: expected ${wanted}, got ragged arrays`, [
    { path: `/${feature.name}`, expected: wanted, got: "ragged arrays" },
  ]);
}
