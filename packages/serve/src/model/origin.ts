import { type Graph, integerOf, listOf, textOf, valuesOf } from "./graph.ts";
import { attributeOf, type NodeProto } from "./proto.ts";
import type { Cell } from "./tensors.ts";

/** What the operator that made an output says about it. */
export type Origin =
  /** An input, or a constant, that comes out again. */
  | { kind: "echo" }
  /** The class of a row. `of` is the tensor, or the operator, that it was chosen from. */
  | { kind: "label"; classes: readonly Cell[]; of: string }
  /** A number per class. `sure`: the operator makes nothing but chances; else their values must be looked at. */
  | { kind: "chances"; classes: readonly Cell[]; of: string; sure: boolean }
  /** One number: a regressor's, or a sigmoid's. */
  | { kind: "score" }
  /** Logarithms of chances: no chances, whatever they are called. */
  | { kind: "logarithms" }
  /** A tensor that was not made by any of these; its own name is where it was chosen from, where something was. */
  | { kind: "other"; of: string };

/** Operators that hand on what they were given. */
const TRANSPARENT = new Set([
  "Cast",
  "CastLike",
  "Identity",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Normalizer",
  "Dropout",
  "ZipMap",
]);
const CLASSIFIERS = new Set(["TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier"]);
const REGRESSORS = new Set(["TreeEnsembleRegressor", "LinearRegressor", "SVMRegressor", "Sigmoid"]);

/** Finds the operator that made an output. */
export function originOf(graph: Graph, name: string): Origin {
  const node = graph.maker(name);
  if (node === undefined) return { kind: "echo" };
  const [first = ""] = node.input;
  if (TRANSPARENT.has(node.opType)) return throughIt(node, originOf(graph, first));
  if (CLASSIFIERS.has(node.opType)) return classified(node, name);
  if (REGRESSORS.has(node.opType)) return { kind: "score" };
  if (node.opType === "LogSoftmax") return { kind: "logarithms" };
  if (node.opType === "Softmax") {
    return overColumns(node) ? { kind: "chances", classes: [], of: rootOf(graph, first), sure: true } : other(name);
  }
  if (node.opType === "ArgMax") {
    return integerOf(node, "axis") === 0 || integerOf(node, "axis") === undefined
      ? other(name)
      : { kind: "label", classes: [], of: rootOf(graph, first) };
  }
  if (node.opType === "ArrayFeatureExtractor" || node.opType === "Gather") return looked(graph, node, name);
  if (node.opType === "LabelEncoder") return renamed(node, originOf(graph, first), name);
  return other(name);
}

const other = (of: string): Origin => ({ kind: "other", of });

/** A ZipMap names the columns of what goes through it. */
function throughIt(node: NodeProto, from: Origin): Origin {
  if (node.opType !== "ZipMap") return from;
  const classes = listOf(node, "classlabels_strings", "classlabels_int64s");
  if (from.kind === "chances") return { ...from, classes };
  return from.kind === "other" ? { kind: "chances", classes, of: from.of, sure: false } : from;
}

/** Of a classifier: its first output is the label, its second has a number per class. */
function classified(node: NodeProto, name: string): Origin {
  const classes = listOf(node, "classlabels_strings", "classlabels_int64s", "classlabels_ints");
  const of = node.output[1] ?? name;
  if (node.output[0] === name) return { kind: "label", classes, of };
  const squashed = ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"].includes(textOf(node, "post_transform"));
  const calibrated = node.opType === "SVMClassifier" && attributeOf(node, "prob_a") !== undefined;
  return { kind: "chances", classes, of, sure: squashed || calibrated };
}

/** Softmax over the classes of a row, not over rows. Its default axis is 1 before opset 13 and the last one since. */
function overColumns(node: NodeProto): boolean {
  return [undefined, 1, -1].includes(integerOf(node, "axis"));
}

/** Class names that are looked up with a label's number. */
function looked(graph: Graph, node: NodeProto, name: string): Origin {
  const [table = "", index = ""] = node.input;
  const names = graph.constant(table);
  const chosen = originOf(graph, index);
  if (names === undefined || chosen.kind !== "label") return other(name);
  return { ...chosen, classes: valuesOf(names) ?? [] };
}

/** Classes that get other names: scikit-learn's exporters do so for texts behind a booster. */
function renamed(node: NodeProto, from: Origin, name: string): Origin {
  if (from.kind !== "label") return other(name);
  const keys = listOf(node, "keys_int64s", "keys_strings");
  const values = listOf(node, "values_strings", "values_int64s");
  const known = from.classes.length > 0 ? from.classes : keys.toSorted((a, b) => Number(a) - Number(b));
  const classes = known.map((each) => values[keys.indexOf(each)]);
  return { ...from, classes: classes.every((each) => each !== undefined) ? classes : [] };
}

/** Operators that keep the order of a row's numbers: the largest stays the largest. */
const MONOTONE = new Set([...TRANSPARENT, "Softmax", "LogSoftmax", "Sigmoid"]);

/** The tensor that a chain of operators begins with, none of which changes which number is the largest. */
function rootOf(graph: Graph, name: string): string {
  const node = graph.maker(name);
  return node !== undefined && MONOTONE.has(node.opType) ? rootOf(graph, node.input[0] ?? "") : name;
}
