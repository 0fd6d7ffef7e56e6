import {
  type AttributeProto,
  attributeOf,
  decodeTensor,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  text,
} from "./proto.ts";
import type { Cell } from "./tensors.ts";

/** A model's graph as it is read to find out what goes in and what comes out. */
export class Graph {
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
  readonly #makers = new Map<string, NodeProto>();
  readonly #readers = new Map<string, NodeProto[]>();
  readonly #inputs: ReadonlySet<string>;
  readonly #constants = new Map<string, TensorProto>();

  constructor({ graph }: ModelProto) {
    this.nodes = graph?.node ?? [];
    this.outputs = (graph?.output ?? []).map((output) => output.name);
    for (const node of this.nodes) {
      for (const name of node.output) this.#makers.set(name, node);
      for (const name of node.input) this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
    }
    for (const bytes of graph?.initializer ?? []) {
      const tensor = decodeTensor(bytes);
      this.#constants.set(tensor.name, tensor);
    }
    this.#inputs = new Set((graph?.input ?? []).map((input) => input.name));
  }

  /** The node that makes a tensor; none makes an input or a constant. */
  maker(name: string): NodeProto | undefined {
    return this.#makers.get(name);
  }

  /** The nodes that take a tensor. */
  readers(name: string): readonly NodeProto[] {
    return this.#readers.get(name) ?? [];
  }

  isInput(name: string): boolean {
    return this.#inputs.has(name) && !this.#constants.has(name);
  }

  /** An initializer, or what a Constant node holds. */
  constant(name: string): TensorProto | undefined {
    const known = this.#constants.get(name);
    if (known !== undefined) return known;
    const node = this.maker(name);
    return node?.opType === "Constant" ? (attributeOf(node, "value")?.t ?? undefined) : undefined;
  }
}

const STRING = 8;
const INT64 = 7;
const INT32 = 6;

/** The values of a small constant: texts or integers; undefined for anything else, and for what is in another file. */
export function valuesOf(tensor: TensorProto): Cell[] | undefined {
  if (tensor.dataLocation === 1) return undefined;
  if (tensor.dataType === STRING) return tensor.stringData.map(text);
  if (tensor.dataType !== INT64 && tensor.dataType !== INT32) return undefined;
  if (tensor.rawData.length === 0) return [...tensor.int64Data, ...tensor.int32Data].map(Number);
  const { buffer, byteOffset, byteLength } = tensor.rawData;
  const view = new DataView(buffer, byteOffset, byteLength);
  const step = tensor.dataType === INT64 ? 8 : 4;
  return Array.from({ length: Math.floor(byteLength / step) }, (_, index) =>
    step === 8 ? Number(view.getBigInt64(index * 8, true)) : view.getInt32(index * 4, true),
  );
}

/** A list attribute under the first of these names that the node has: texts or integers. */
export function listOf(node: NodeProto, ...names: readonly string[]): Cell[] {
  for (const name of names) {
    const found = attributeOf(node, name);
    if (found === undefined) continue;
    if (found.strings.length > 0) return found.strings.map(text);
    if (found.ints.length > 0) return found.ints.map(Number);
  }
  return [];
}

/** A text attribute, empty when it is not there. */
export const textOf = (node: NodeProto, name: string): string => {
  const found: AttributeProto | undefined = attributeOf(node, name);
  return found === undefined ? "" : text(found.s);
};

/** An integer attribute. */
export function integerOf(node: NodeProto, name: string): number | undefined {
  const found = attributeOf(node, name);
  return found === undefined ? undefined : Number(found.i);
}

/** Attributes that hold texts which the model knows. */
const KNOWN_TEXTS = ["stopwords", "cats_strings", "keys_strings", "pool_strings", "string_vocabulary"];
const MOST_TEXTS = 40;

/** Some of the texts that a model tells apart: made-up rows are of use only with texts that mean something to it. */
export function vocabularyOf({ nodes }: Graph): string[] {
  const texts = nodes.flatMap((node) => KNOWN_TEXTS.flatMap((name) => listOf(node, name).slice(0, MOST_TEXTS)));
  return texts.map(String).slice(0, MOST_TEXTS);
}
