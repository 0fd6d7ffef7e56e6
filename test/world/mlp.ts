// A network of dense layers as an ONNX file: for a model that costs something to load and to run.
import protobuf from "protobufjs/light.js";

type Write = (writer: protobuf.Writer) => protobuf.Writer;

/** A field that holds a message (wire type 2). */
function nested(field: number, write: Write): Write {
  return (writer) => write(writer.uint32((field << 3) | 2).fork()).ldelim();
}

const text =
  (field: number, value: string): Write =>
  (writer) =>
    writer.uint32((field << 3) | 2).string(value);
const number =
  (field: number, value: number): Write =>
  (writer) =>
    writer.uint32(field << 3).int64(value);
const all =
  (...parts: Write[]): Write =>
  (writer) =>
    parts.reduce((each, part) => part(each), writer);

/**
 * A network of dense layers so wide (the first: its features), as an ONNX file (onnx.proto, IR version 8): `x` in,
 * `probabilities` out. Its weights are small numbers that are always the same.
 */
export function mlp(layers: readonly number[]): Uint8Array {
  const weights = layers.slice(1).map((width, index) => initializer(`w${index}`, layers[index] ?? 0, width));
  const nodes = layers.slice(1).flatMap((_width, index) => {
    const [from, last] = [index === 0 ? "x" : `h${index - 1}`, index === layers.length - 2];
    const product = last ? "probabilities_raw" : `m${index}`;
    const after = last ? node("Softmax", [product], "probabilities") : node("Relu", [product], `h${index}`);
    return [node("MatMul", [from, `w${index}`], product), after];
  });
  const graph = all(
    ...nodes.map((each) => nested(1, each)),
    text(2, "mlp"),
    ...weights.map((each) => nested(5, each)),
    nested(11, valueInfo("x", layers[0] ?? 0)),
    nested(12, valueInfo("probabilities", layers.at(-1) ?? 0)),
  );
  return all(
    number(1, 8),
    text(2, "bench"),
    nested(7, graph),
    nested(8, number(2, 15)),
  )(protobuf.Writer.create()).finish();
}

function node(operation: string, inputs: string[], output: string): Write {
  return all(...inputs.map((each) => text(1, each)), text(2, output), text(4, operation));
}

function valueInfo(name: string, width: number): Write {
  const shape = all(nested(1, text(2, "n")), nested(1, number(1, width)));
  return all(text(1, name), nested(2, nested(1, all(number(1, 1), nested(2, shape)))));
}

function initializer(name: string, rows: number, columns: number): Write {
  const values = Float32Array.from({ length: rows * columns }, (_, index) => (((index * 7919) % 201) - 100) / 4000);
  const bytes = new Uint8Array(values.buffer);
  return all(number(1, rows), number(1, columns), number(2, 1), text(8, name), (writer) =>
    writer.uint32((9 << 3) | 2).bytes(bytes),
  );
}
