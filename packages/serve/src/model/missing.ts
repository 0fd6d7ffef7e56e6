import { type Graph, valuesOf } from "./graph.ts";
import { attributeOf, type NodeProto } from "./proto.ts";

/** Can the graph take a missing value (NaN) in this input, or in this column of it? Everything that reads it must know what to do. */
export function takesMissing(graph: Graph, input: string, column: number | undefined): boolean {
  const readers = graph.readers(input);
  return readers.length > 0 && readers.every((node) => takenBy(graph, node, { name: input, column }));
}

interface Place {
  name: string;
  /** Of the tensor; undefined when it is no longer known which one it is. */
  column: number | undefined;
}

const SAME_COLUMNS = new Set(["Cast", "Identity"]);
const OTHER_COLUMNS = new Set(["Concat", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "FeatureVectorizer"]);
/** Operators that do not care for values. */
const BLIND = new Set(["IsNaN", "Shape", "Size"]);

function takenBy(graph: Graph, node: NodeProto, { name, column }: Place): boolean {
  const { opType: operator } = node;
  const behind = (at: number | undefined): boolean => takesMissing(graph, node.output[0] ?? "", at);
  if (BLIND.has(operator)) return true;
  if (SAME_COLUMNS.has(operator)) return behind(column);
  if (OTHER_COLUMNS.has(operator)) return behind(undefined);
  if (operator === "Imputer") return Number.isNaN(attributeOf(node, "replaced_value_float")?.f ?? 0);
  // A branch that says where missing values go; without one they would all go one way, unmeant.
  if (operator.startsWith("TreeEnsemble")) {
    return (attributeOf(node, "nodes_missing_value_tracks_true")?.ints ?? []).some((each) => Number(each) === 1);
  }
  if (operator === "Where") return graph.maker(node.input[0] ?? "")?.opType === "IsNaN";
  if (operator === "ArrayFeatureExtractor" && node.input[0] === name) return picked(graph, node, column, behind);
  return false;
}

/** A step that picks columns: those it leaves are nobody's concern. */
function picked(
  graph: Graph,
  node: NodeProto,
  column: number | undefined,
  behind: (at: number | undefined) => boolean,
): boolean {
  const indices = graph.constant(node.input[1] ?? "");
  const columns = (indices && valuesOf(indices))?.map(Number);
  if (column === undefined || columns === undefined) return behind(undefined);
  const at = columns.indexOf(column);
  return at < 0 || behind(at);
}
