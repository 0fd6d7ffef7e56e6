import type { Feeds } from "../model/model.ts";
import { jsonCell } from "../model/tensors.ts";

/** How much two answers to one row may differ: batches are summed up in another order. As a part of the number itself ... */
const NOISE = 1e-4;
/** ... and as a part of the row's largest, for what is left where large numbers cancel out. */
const REST = 1e-6;

/** The output whose row 0 in `alone` is not its row `at` in `together`; undefined when all are. */
export function difference(alone: Feeds, together: Feeds, at: number): string | undefined {
  return Object.keys(alone).find((name) => {
    const one = alone[name];
    const many = together[name];
    if (one === undefined || many === undefined) return true;
    const width = widthOf(one.dims);
    if (width !== widthOf(many.dims)) return true;
    const cells = Array.from({ length: width }, (_, index) => [
      jsonCell(one, index),
      jsonCell(many, at * width + index),
    ]);
    const largest = cells.reduce((most, [cell]) => Math.max(most, typeof cell === "number" ? Math.abs(cell) : 0), 0);
    return !cells.every(([a, b]) => alike(a, b, isFloat(one.type) ? largest : 0));
  });
}

const isFloat = (type: string): boolean => type.startsWith("float");

function widthOf(dims: readonly number[]): number {
  return dims.slice(1).reduce((product, each) => product * each, 1);
}

function alike(a: unknown, b: unknown, largest: number): boolean {
  if (a === b) return true;
  if (typeof a !== "number" || typeof b !== "number" || largest === 0) return false;
  return Math.abs(a - b) <= NOISE * Math.abs(a) + REST * largest;
}
