import { Float16Array } from "@petamoriken/float16";
import { Tensor } from "onnxruntime-node";
import { Refusal } from "../refusal.ts";

/** A tensor's element type as onnxruntime-node calls it. */
export type Dtype = Tensor.Type;

export type Cell = number | string | boolean;
export type Cells =
  | Float32Array
  | Float64Array
  | Float16Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

interface Kind {
  /** Name in the Open Inference Protocol v2, "Tensor Data Types". */
  oip: string;
  json: "number" | "integer" | "boolean" | "string";
  make: (length: number) => Cells;
  /** Of an integer type. */
  range?: [number, number];
}

const float = (oip: string, make: Kind["make"]): Kind => ({ oip, json: "number", make });
const integer = (oip: string, make: Kind["make"], range: [number, number]): Kind => ({
  oip,
  json: "integer",
  make,
  range,
});
const SAFE: [number, number] = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];

/** Every type that has a JSON form. */
const KINDS: Partial<Record<Dtype, Kind>> = {
  float32: float("FP32", (n) => new Float32Array(n)),
  float64: float("FP64", (n) => new Float64Array(n)),
  float16: float("FP16", (n) => new Float16Array(n)),
  int8: integer("INT8", (n) => new Int8Array(n), [-128, 127]),
  uint8: integer("UINT8", (n) => new Uint8Array(n), [0, 255]),
  int16: integer("INT16", (n) => new Int16Array(n), [-32_768, 32_767]),
  uint16: integer("UINT16", (n) => new Uint16Array(n), [0, 65_535]),
  int32: integer("INT32", (n) => new Int32Array(n), [-2_147_483_648, 2_147_483_647]),
  uint32: integer("UINT32", (n) => new Uint32Array(n), [0, 4_294_967_295]),
  int64: integer("INT64", (n) => new BigInt64Array(n), SAFE),
  uint64: integer("UINT64", (n) => new BigUint64Array(n), [0, Number.MAX_SAFE_INTEGER]),
  bool: { oip: "BOOL", json: "boolean", make: (n) => new Uint8Array(n) },
  string: { oip: "BYTES", json: "string", make: () => [] },
};

/** @throws Refusal for a type that has no JSON form (complex numbers, 4-bit integers) */
export function kindOf(dtype: Dtype): Kind {
  const kind = KINDS[dtype];
  if (kind === undefined) throw new Refusal(400, `tensors of type ${dtype} cannot be served`);
  return kind;
}

/** A JSON value -> a cell of a tensor. It was validated before: null only comes where a value may be missing. */
export function fill(cells: Cells, at: number, value: Cell | null): void {
  if (value === null) {
    (cells as Float64Array)[at] = Number.NaN;
    return;
  }
  if (cells instanceof BigInt64Array || cells instanceof BigUint64Array) cells[at] = BigInt(value);
  else if (Array.isArray(cells)) cells[at] = value as string;
  else cells[at] = Number(value);
}

/** Cells -> a tensor for onnxruntime. */
export function tensorOf(dtype: Dtype, cells: Cells, dims: readonly number[]): Tensor {
  // onnxruntime-node takes half floats as their bits.
  const data = cells instanceof Float16Array ? new Uint16Array(cells.buffer) : cells;
  return new Tensor(dtype as "float32", data as Float32Array, dims);
}

/** A tensor of the same type with other cells, which are as onnxruntime has them. */
export function tensorOfSame(tensor: Tensor, cells: Float32Array | readonly string[], dims: readonly number[]): Tensor {
  return new Tensor(tensor.type as "float32", cells as Float32Array, dims);
}

/** The cell of an answer as JSON has it: integers beyond 2^53 as text, so that no digit is lost; NaN and infinities as null. */
export function jsonCell(tensor: Tensor, at: number): Cell | null {
  const value = (tensor.data as ArrayLike<Cell | bigint>)[at];
  if (typeof value === "bigint") {
    const small = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
    return small ? Number(value) : value.toString();
  }
  if (tensor.type === "bool") return Boolean(value);
  if (typeof value === "number") {
    const real = tensor.type === "float16" && !(tensor.data instanceof Float32Array) ? halfOf(tensor, at) : value;
    return Number.isFinite(real) ? real : null;
  }
  return value ?? null;
}

function halfOf(tensor: Tensor, at: number): number {
  const bits = tensor.data as unknown as Uint16Array;
  return bits instanceof Uint16Array
    ? (new Float16Array(bits.buffer, bits.byteOffset, bits.length)[at] ?? Number.NaN)
    : Number(bits[at]);
}

/** A part of a tensor as nested arrays, as its shape says. */
export function nested(tensor: Tensor, shape: readonly number[], offset: number): unknown {
  const [length, ...rest] = shape;
  if (length === undefined) return jsonCell(tensor, offset);
  const step = rest.reduce((product, each) => product * each, 1);
  return Array.from({ length }, (_, index) => nested(tensor, rest, offset + index * step));
}
