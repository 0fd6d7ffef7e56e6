import type { Feeds } from "./model/model.ts";
import { tensorOfSame } from "./model/tensors.ts";
import type { Row } from "./schema/row.ts";

/** Tensors that came as such (the Open Inference Protocol), and how many rows of the queue they take. */
export interface Tensors {
  feeds: Feeds;
  /** Of each tensor's first dimension; 1 where that does not count rows. */
  length: number;
  /** Equal for requests whose tensors can be put below each other; undefined for those that are run alone. */
  joins: string | undefined;
}

/** What one request asks the model: validated rows, or tensors. */
export type Asked = readonly Row[] | Tensors;

/** Counts the rows of tensors, where the model takes several at once. */
export function tensorsAsked(feeds: Feeds, counted: boolean): Tensors {
  const shapes = Object.entries(feeds).map(([name, { dims }]) => ({ name, dims }));
  const [rows = 1, ...others] = new Set(shapes.map(({ dims }) => dims[0] ?? 1));
  if (!counted) return { feeds, length: 1, joins: undefined };
  // Nothing is put below a tensor without rows, and inputs of different lengths are for the model to judge.
  if (others.length > 0 || rows === 0) return { feeds, length: Math.max(1, rows, ...others), joins: undefined };
  const rest = shapes.map(({ name, dims }) => `${name}:${dims.slice(1).join("x")}`);
  return { feeds, length: rows, joins: rest.toSorted().join(" ") };
}

/** Can these two be asked in one run? */
export function canJoin(one: Asked, other: Asked): boolean {
  if (isRows(one)) return isRows(other);
  return !isRows(other) && one.joins !== undefined && one.joins === other.joins;
}

/** Several requests as one; each pair of them can be joined. */
export function join(all: readonly Asked[]): Asked {
  const [first] = all;
  if (first === undefined || isRows(first)) return all.filter(isRows).flat();
  const tensors = all.filter((each): each is Tensors => !isRows(each));
  const names = Object.keys(first.feeds);
  const feeds = Object.fromEntries(names.map((name) => [name, stacked(tensors, name)]));
  return { feeds, length: tensors.reduce((sum, each) => sum + each.length, 0), joins: first.joins };
}

/** Only these rows of what a run gave. */
export function rowsOf(outputs: Feeds, from: number, length: number): Feeds {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      const [, ...rest] = tensor.dims;
      const width = rest.reduce((product, each) => product * each, 1);
      const cells = (tensor.data as Float32Array).slice(from * width, (from + length) * width);
      return [name, tensorOfSame(tensor, cells, [length, ...rest])];
    }),
  );
}

/** Has each output as many rows as were asked? Where it has not, nobody knows whose they are. */
export function hasRows(outputs: Feeds, rows: number): boolean {
  return Object.values(outputs).every((tensor) => tensor.dims[0] === rows);
}

export function isRows(asked: Asked): asked is readonly Row[] {
  return Array.isArray(asked);
}

function stacked(all: readonly Tensors[], name: string): Feeds[string] {
  const parts = all.map(({ feeds }) => feeds[name]).filter((part) => part !== undefined);
  const [first] = parts;
  if (first === undefined) throw new TypeError(`no tensor ${name}`);
  const rows = parts.reduce((sum, part) => sum + (part.dims[0] ?? 0), 0);
  const dims = [rows, ...first.dims.slice(1)];
  if (first.type === "string") {
    return tensorOfSame(
      first,
      parts.flatMap((part) => part.data as string[]),
      dims,
    );
  }
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const data = first.data as Float32Array;
  const cells = new (data.constructor as Float32ArrayConstructor)(size);
  let at = 0;
  for (const part of parts) {
    cells.set(part.data as Float32Array, at);
    at += part.size;
  }
  return tensorOfSame(first, cells, dims);
}
