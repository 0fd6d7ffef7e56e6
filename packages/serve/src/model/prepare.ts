import { Refusal } from "../refusal.ts";
import { attributeOf, decodeModel, encodeModel, type ModelProto } from "./proto.ts";

/** A model file that onnxruntime can serve, and what it says about itself. */
export interface Prepared {
  bytes: Uint8Array;
  /** `metadata_props` of the file. */
  metadata: ReadonlyMap<string, string>;
  producer: string;
  description: string;
  /** Class labels that a ZipMap carried, by the tensor it took them from. */
  labels: ReadonlyMap<string, string[]>;
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
  const labels = new Map<string, string[]>();
  for (const node of graph.node.filter((each) => each.opType === "ZipMap")) {
    const [from = ""] = node.input;
    const [to] = node.output;
    const named = attributeOf(node, "classlabels_strings");
    labels.set(from, named.length > 0 ? named : attributeOf(node, "classlabels_int64s"));
    graph.output = graph.output.map((output) =>
      output.name === to ? { name: from, type: { tensorType: { elemType: FLOAT } } } : output,
    );
  }
  graph.node = graph.node.filter((each) => each.opType !== "ZipMap");
  for (const [direction, values] of [["input", graph.input] as const, ["output", graph.output] as const]) {
    const strange = values.find(
      (value) => value.type !== undefined && (value.type.tensorType ?? undefined) === undefined,
    );
    if (strange === undefined) continue;
    const kind =
      (strange.type?.sequenceType ?? undefined) === undefined ? "a map, an optional or a sparse tensor" : "a sequence";
    throw new Refusal(
      400,
      `the ${direction} ${strange.name} is ${kind}; only tensors can be served (export with zipmap=False)`,
    );
  }
  return {
    bytes: labels.size > 0 ? encodeModel(model) : bytes,
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(" "),
    description: model.docString ?? "",
    labels,
  };
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return decodeModel(bytes);
  } catch (error) {
    throw new Refusal(400, `this is not an ONNX model: ${error instanceof Error ? error.message : String(error)}`);
  }
}
