import { TextDecoder } from "node:util";
import type { Tensor } from "onnxruntime-node";
import { type Cells, type Dtype, kindOf, tensorOf } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";

// The cells of a tensor as bytes: little endian, row by row, as the Open Inference Protocol's binary extension, numpy and
// every processor that this runs on have them. A text has its length before it, in four bytes.

const LENGTH = 4;

/** How many cells of a type there are in so many bytes; undefined where that is no whole number, or for texts. */
export function cellsIn(dtype: Dtype, bytes: number): number | undefined {
  const width = widthOf(dtype);
  return width !== undefined && bytes % width === 0 ? bytes / width : undefined;
}

/** @throws Refusal when there are not as many bytes as the shape wants */
export function tensorOfBytes(dtype: Dtype, bytes: Buffer, dims: readonly number[]): Tensor {
  const count = dims.reduce((product, each) => product * each, 1);
  if (dtype === "string") return tensorOf(dtype, textsOf(bytes, count), dims);
  const wanted = count * (widthOf(dtype) ?? 0);
  if (wanted !== bytes.length)
    throw new Refusal(
      400,
      `expected ${wanted} bytes for ${kindOf(dtype).oip} of shape [${dims.join(", ")}], got ${bytes.length}`,
    );
  const cells = kindOf(dtype).make(count) as Exclude<Cells, string[]>;
  // A view would have to begin at a multiple of the cell's width; bytes begin where the JSON before them ends.
  bytes.copy(new Uint8Array(cells.buffer));
  if (dtype === "bool" && (cells as Uint8Array).some((cell) => cell > 1))
    throw new Refusal(400, "expected 0 or 1 for each BOOL");
  return tensorOf(dtype, cells, dims);
}

/** The cells of a tensor as bytes. */
export function bytesOf(tensor: Tensor): Buffer {
  if (tensor.type === "string") return bytesOfTexts(tensor.data as string[]);
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Texts as bytes. */
export function bytesOfTexts(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(LENGTH);
      const bytes = Buffer.from(text);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

function textsOf(bytes: Buffer, count: number): string[] {
  const texts: string[] = [];
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let at = 0;
  while (at + LENGTH <= bytes.length && texts.length <= count) {
    const end = at + LENGTH + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    texts.push(textOf(utf8, bytes.subarray(at + LENGTH, end)));
    at = end;
  }
  if (at !== bytes.length || texts.length !== count)
    throw new Refusal(400, `expected ${count} texts, each with its length before it in four bytes`);
  return texts;
}

function textOf(utf8: TextDecoder, bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Refusal(400, "a text is not UTF-8, and the model takes no other bytes");
  }
}

function widthOf(dtype: Dtype): number | undefined {
  if (dtype === "string") return undefined;
  return (kindOf(dtype).make(1) as Exclude<Cells, string[]>).byteLength;
}
