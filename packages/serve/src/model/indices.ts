import { type Graph, integerOf } from "./graph.ts";
import type { NodeProto } from "./proto.ts";

export type Range = readonly [least: number, most: number];

/** What an integer input may be that picks rows of a table of the model's own, such as an embedding's; undefined where it picks none. */
export function indicesOf(graph: Graph, name: string): Range | undefined {
  const ranges = graph.readers(name).flatMap((node) => pickedBy(graph, node, name) ?? []);
  if (ranges.length === 0) return undefined;
  return [Math.max(...ranges.map(([least]) => least)), Math.min(...ranges.map(([, most]) => most))];
}

/** Operators that hand integers on as they are. */
const KEEP = new Set(["Cast", "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand"]);

function pickedBy(graph: Graph, node: NodeProto, name: string): [Range] | undefined {
  if (KEEP.has(node.opType) && node.input[0] === name) {
    const behind = indicesOf(graph, node.output[0] ?? "");
    return behind === undefined ? undefined : [behind];
  }
  if (node.opType !== "Gather" || node.input[1] !== name) return undefined;
  const dims = graph.constant(node.input[0] ?? "")?.dims.map(Number) ?? [];
  const rows = dims.at(integerOf(node, "axis") ?? 0) ?? 0;
  // A negative one counts from the end.
  return rows > 0 ? [[-rows, rows - 1]] : undefined;
}
