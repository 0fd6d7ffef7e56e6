import { type Dtype, kindOf, tensorOf } from "../model/tensors.ts";
import type { Feeds, Port } from "../model/model.ts";
import { Refusal } from "../refusal.ts";
import { tensorOfBytes } from "./bytes.ts";

const MAGIC = Buffer.from("\x93NUMPY", "latin1");
const HEADER_AT = 10;

/** numpy's letters for the types that a tensor can have. */
const DTYPES: Partial<Record<string, Dtype>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};

/** Do these bytes begin as numpy's do? */
export function isNpy(bytes: Buffer): boolean {
  return bytes.subarray(0, MAGIC.length).equals(MAGIC);
}

/**
 * An array as numpy's `save` writes it (numpy.lib.format, versions 1 to 3), as a tensor for this input; float64 becomes
 * float32 where the model wants that, as numbers in JSON do. @throws Refusal
 */
export function tensorOfNpy(bytes: Buffer, port: Port): Feeds[string] {
  const { dtype, dims, from } = headerOf(bytes);
  const cells = bytes.subarray(from);
  if (dtype === port.dtype) return tensorOfBytes(dtype, cells, dims);
  if (dtype !== "float64" || port.dtype !== "float32")
    throw new Refusal(400, `expected an array of ${port.dtype}, got one of ${dtype}`);
  const { data } = tensorOfBytes(dtype, cells, dims);
  const narrow = kindOf("float32").make(0).constructor as Float32ArrayConstructor;
  return tensorOf("float32", narrow.from(data as Float64Array), dims);
}

function headerOf(bytes: Buffer): { dtype: Dtype; dims: number[]; from: number } {
  if (!isNpy(bytes) || bytes.length < HEADER_AT + 2)
    throw new Refusal(400, "these bytes are not what numpy.save writes");
  const isFirst = bytes[MAGIC.length] === 1;
  const start = isFirst ? HEADER_AT : HEADER_AT + 2;
  const from = start + (isFirst ? bytes.readUInt16LE(start - 2) : bytes.readUInt32LE(start - 4));
  const text = bytes.toString("latin1", start, from);
  const [, order, letters = ""] = /'descr':\s*'([<>|=]?)([a-z]\d+)'/.exec(text) ?? [];
  const dtype = order === ">" ? undefined : DTYPES[letters];
  if (dtype === undefined)
    throw new Refusal(400, `arrays of the type ${order ?? ""}${letters || "object"} cannot be taken`);
  if (/'fortran_order':\s*True/.test(text))
    throw new Refusal(400, "expected rows one after the other: use numpy.ascontiguousarray");
  const [, shape = ""] = /'shape':\s*\(([\d, ]*)\)/.exec(text) ?? [];
  const dims = shape
    .split(",")
    .filter((each) => each.trim() !== "")
    .map(Number);
  return { dtype, dims, from };
}
