import { type Graph, integerOf, listOf, valuesOf } from "./graph.ts";
import { attributeOf, type NodeProto } from "./proto.ts";

/** What the operators behind an input say about its columns: the number, or the least that there must be. */
interface Width {
  exact?: number;
  least?: number;
}

/** Columns that an input must have where the file leaves them open, from the first operators that read it. */
export function columnsOf(graph: Graph, input: string): number | undefined {
  const { exact, least } = widthOf(graph, input);
  return exact ?? least;
}

function widthOf(graph: Graph, name: string): Width {
  const said = graph.readers(name).map((node) => readBy(graph, node, name));
  const exact = said.map((width) => width.exact).find((each) => each !== undefined);
  const least = said.map((width) => width.least).filter((each) => each !== undefined);
  return { ...(exact === undefined ? {} : { exact }), ...(least.length === 0 ? {} : { least: Math.max(...least) }) };
}

/** Operators that keep the columns of what they read. */
const KEEP = new Set([
  "Cast",
  "Identity",
  "Normalizer",
  "Dropout",
  "Clip",
  "Relu",
  "IsNaN",
  "Abs",
  "Sqrt",
  "Log",
  "Binarizer",
]);
const BESIDE = new Set(["Add", "Sub", "Mul", "Div"]);

function readBy(graph: Graph, node: NodeProto, name: string): Width {
  const { opType: operator, input, output } = node;
  const first = input[0] === name;
  if (operator === "Gemm" && first) return dim(graph, input[1], integerOf(node, "transB") === 1 ? 1 : 0);
  if (operator === "MatMul" && first) return dim(graph, input[1], 0);
  if (operator === "LinearClassifier" || operator === "LinearRegressor") return linear(node);
  if (operator === "Scaler" || operator === "Imputer") {
    const wide = ["scale", "offset", "imputed_value_floats"].map((each) => attributeOf(node, each)?.floats.length ?? 0);
    return Math.max(...wide) > 1 ? { exact: Math.max(...wide) } : widthOf(graph, output[0] ?? "");
  }
  if (operator.startsWith("SVM")) return supported(node);
  if (operator.startsWith("TreeEnsemble")) return { least: trees(node) };
  if (operator === "ArrayFeatureExtractor" && first) {
    const picked = graph.constant(input[1] ?? "");
    const columns = (picked && valuesOf(picked)) ?? [];
    return columns.length === 0 ? {} : { least: Math.max(...columns.map(Number)) + 1 };
  }
  if (BESIDE.has(operator)) {
    const wide = lastDim(graph, input[first ? 1 : 0]);
    return wide > 1 ? { exact: wide } : widthOf(graph, output[0] ?? "");
  }
  return KEEP.has(operator) ? widthOf(graph, output[0] ?? "") : {};
}

function dim(graph: Graph, name: string | undefined, at: number): Width {
  const dims = graph.constant(name ?? "")?.dims.map(Number) ?? [];
  const exact = dims.length === 2 ? dims[at] : undefined;
  return exact === undefined ? {} : { exact };
}

function lastDim(graph: Graph, name: string | undefined): number {
  return Number(graph.constant(name ?? "")?.dims.at(-1) ?? 0);
}

/** One row of coefficients for each intercept. */
function linear(node: NodeProto): Width {
  const coefficients = attributeOf(node, "coefficients")?.floats.length ?? 0;
  const rows = attributeOf(node, "intercepts")?.floats.length ?? integerOf(node, "targets") ?? 1;
  return coefficients > 0 && coefficients % rows === 0 ? { exact: coefficients / rows } : {};
}

function supported(node: NodeProto): Width {
  const cells = attributeOf(node, "support_vectors")?.floats.length ?? 0;
  const perClass = listOf(node, "vectors_per_class").reduce<number>((sum, each) => sum + Number(each), 0);
  const vectors = perClass > 0 ? perClass : (integerOf(node, "n_supports") ?? 0);
  return cells > 0 && vectors > 0 && cells % vectors === 0 ? { exact: cells / vectors } : {};
}

/** The highest feature that a branch asks about; leaves have 0 there. */
function trees(node: NodeProto): number {
  return listOf(node, "nodes_featureids").reduce<number>((most, each) => Math.max(most, Number(each)), 0) + 1;
}
