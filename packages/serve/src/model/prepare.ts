import { Refusal } from "../refusal.ts";
import { Graph, listOf } from "./graph.ts";
import { weightFiles } from "./weights.ts";
import { oneLine } from "./words.ts";
import { type Origin, originOf } from "./origin.ts";
import type { Cell } from "./tensors.ts";
import {
  decodeModel,
  encodeModel,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueProto,
} from "./proto.ts";

/** A model file that onnxruntime can serve, and what it says about itself. */
export interface Prepared {
  bytes: Uint8Array;
  /** `metadata_props` of the file. */
  metadata: ReadonlyMap<string, string>;
  producer: string;
  description: string;
  graph: Graph;
  /** Files beside the model that have its weights, as the model names them. */
  weights: readonly string[];
  /** What made each output, by its name. */
  origins: ReadonlyMap<string, Origin>;
  /** Names of the columns of the outputs that were lists of dictionaries in the file, by the outputs' names. */
  columns: ReadonlyMap<string, readonly Cell[]>;
}

const FLOAT = 1;

/**
 * Reads a model file. A ZipMap (how scikit-learn's exporters turn probabilities into a list of dictionaries) is taken
 * out: onnxruntime-node has no maps, and the tensor behind it says the same.
 * @throws Refusal for what cannot be served, with the reason
 */
export function prepareModel(bytes: Uint8Array): Prepared {
  const model = decode(bytes);
  const { graph } = model;
  if (graph === undefined || graph.output.length === 0)
    throw new Refusal(400, "this is not an ONNX model: it has no graph");
  const read = new Graph(model);
  const made = new Map(read.outputs.map((name) => [name, originOf(read, name)]));
  const zipMaps = graph.node.filter((node) => node.opType === "ZipMap");
  for (const node of zipMaps) takeOut(model, graph, node);
  mustBeTensors(graph);
  return {
    bytes: zipMaps.length > 0 ? encodeModel(model) : bytes,
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
    producer: oneLine([model.producerName, model.producerVersion].filter(Boolean).join(" ")),
    description: oneLine(model.docString ?? ""),
    graph: zipMaps.length > 0 ? new Graph(model) : read,
    weights: weightFiles(graph),
    origins: made,
    columns: new Map(zipMaps.map((node) => [node.output[0] ?? "", classesOf(node)])),
  };
}

const classesOf = (node: NodeProto): Cell[] => listOf(node, "classlabels_strings", "classlabels_int64s");

/** Takes a ZipMap out: the tensor behind it gets its name, or is handed on where it has to keep its own. */
function takeOut(model: ModelProto, graph: GraphProto, node: NodeProto): void {
  const [from = ""] = node.input;
  const [to = ""] = node.output;
  graph.node = graph.node.filter((each) => each !== node);
  const isBound = [...graph.output, ...graph.input].some((port) => port.name === from);
  if (isBound || graph.node.some((each) => each.opType === "ZipMap" && each.input[0] === from)) {
    graph.node.push({ input: [from], output: [to], opType: "Identity", domain: "", attribute: [] });
    model.opsetImport.push(...(importsDefault(model) ? [] : [OLD_OPSET]));
  } else rename(graph.node, from, to);
  graph.output = graph.output.map((output) =>
    output.name === to ? { name: to, type: { tensorType: { elemType: FLOAT } } } : output,
  );
}

/** Opset 9 of the default domain, as a message of its own: for a file that has operators of ai.onnx.ml only. */
const OLD_OPSET = Uint8Array.of(0x10, 9);
/** The field that names a domain, of any length but none. */
const isDefault = (opset: Uint8Array): boolean => opset[0] !== 0x0a || opset[1] === 0;
const importsDefault = (model: ModelProto): boolean => model.opsetImport.some(isDefault);

function rename(nodes: readonly NodeProto[], from: string, to: string): void {
  const changed = (name: string): string => (name === from ? to : name);
  for (const node of nodes) {
    node.input = node.input.map(changed);
    node.output = node.output.map(changed);
  }
}

/** @throws Refusal for inputs and outputs that are sequences, maps and the like */
function mustBeTensors(graph: GraphProto): void {
  for (const [direction, values] of [["input", graph.input] as const, ["output", graph.output] as const]) {
    const strange = values.find(({ type }) => type !== undefined && (type.tensorType ?? undefined) === undefined);
    if (strange === undefined) continue;
    throw new Refusal(
      400,
      `the ${direction} ${strange.name} is ${kindOf(strange)}; only tensors can be served${wayOut(direction)}`,
    );
  }
}

function kindOf({ type }: ValueProto): string {
  const has = (key: string): boolean => type !== undefined && Object.hasOwn(type, key);
  if (has("sequenceType")) return "a sequence";
  return has("mapType") ? "a map" : "an optional or a sparse tensor";
}

const wayOut = (direction: "input" | "output"): string =>
  direction === "input"
    ? " (export the model from behind that step, so that it takes columns: without DictVectorizer, for example)"
    : " (export with zipmap=False, or end the graph before the operator that makes it)";

/** The weight files that a model names; none when it cannot be read. */
export function weightsNamed(bytes: Uint8Array): readonly string[] {
  try {
    const { graph } = decodeModel(bytes);
    return graph === undefined ? [] : weightFiles(graph);
  } catch {
    return [];
  }
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new Refusal(400, `this is not an ONNX model: ${error instanceof Error ? error.message : String(error)}`);
  }
}
