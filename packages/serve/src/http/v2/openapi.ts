import { type Port, rangeOf } from "../../model/model.ts";
import { kindOf } from "../../model/tensors.ts";
import type { Service } from "../../service.ts";

type Json = Record<string, unknown>;

const text = { type: "object", required: ["error"], properties: { error: { type: "string" } } };
const refusal = (description: string): Json => ({ description, content: { "application/json": { schema: text } } });

/** The protocol's one route that answers questions, with this model's own inputs. */
export function inferPath(service: Service, name: string): Json {
  const { inputs, outputs } = service.model;
  const askedOf = inputs.map((port) => inputOf(port, service));
  const asked = {
    type: "object",
    required: ["inputs"],
    properties: { id: { type: ["string", "null"] }, inputs: listOf(askedOf, inputs) },
  };
  const answered = {
    type: "object",
    required: ["model_name", "outputs"],
    properties: { model_name: { type: "string" }, outputs: listOf(outputs.map(outputOf), outputs) },
  };
  const content = (schema: Json): Json => ({ content: { "application/json": { schema } } });
  return {
    post: {
      operationId: "infer",
      summary: "Tensors in, tensors out: the Open Inference Protocol v2.",
      description:
        "Tensors may also follow the JSON as bytes, as the protocol's binary tensor extension says; then the header Inference-Header-Content-Length is the length of the JSON. Inputs may come in any order, with any number of rows.",
      parameters: [{ name: "model", in: "path", required: true, schema: { const: name }, example: name }],
      requestBody: { required: true, ...content(asked) },
      responses: {
        "200": { description: "The outputs.", ...content(answered) },
        "400": refusal("The tensors do not fit the model."),
        "404": refusal("There is no such model."),
        "413": refusal("The body, or the number of its rows, is too large."),
        "415": refusal("The body is packed in a way that is not known."),
        "429": refusal("Too many requests wait already; see Retry-After."),
        "503": refusal("The model is not ready."),
        "504": refusal("The request waited too long."),
      },
    },
  };
}

/** Each of these once, in any order. */
function listOf(schemas: readonly Json[], ports: readonly Port[]): Json {
  const [only] = schemas;
  const whole = { type: "array", minItems: schemas.length, maxItems: schemas.length };
  if (schemas.length === 1 && only !== undefined) return { ...whole, items: only };
  const once = ports.map(({ name }) => ({
    contains: { type: "object", required: ["name"], properties: { name: { const: name } } },
  }));
  return { ...whole, items: { anyOf: schemas }, allOf: once };
}

function inputOf(port: Port, { counted, holes }: Service): Json {
  // The example is of one row, and of one in each other dimension that is open: so many values belong to it.
  const shape = port.shape.map((each) => (each < 0 ? 1 : each));
  return {
    type: "object",
    required: ["name", "shape", "datatype", "data"],
    properties: {
      name: { const: port.name },
      datatype: { const: kindOf(port.dtype).oip },
      shape: {
        const: shape,
        description: `Here of ${counted ? "one row" : "one request"}; the model takes [${port.shape.join(", ")}].`,
      },
      data: dataOf(shape, cellOf(port, holes.has(port.name))),
    },
  };
}

function cellOf(port: Port, hole: boolean): Json {
  const { json } = kindOf(port.dtype);
  // The protocol's clients in C and Go write a flag as a number.
  if (json === "boolean") return { type: ["boolean", "integer"], minimum: 0, maximum: 1 };
  const [low, high] = rangeOf(port) ?? [];
  return {
    type: hole ? [json, "null"] : json,
    ...(low === undefined ? {} : { minimum: low }),
    ...(high === undefined ? {} : { maximum: high }),
  };
}

/** All values in one list, or nested as the shape says. */
function dataOf(shape: readonly number[], cell: Json): Json {
  const count = shape.reduce((product, each) => product * each, 1);
  const list = (items: Json, length: number): Json => ({ type: "array", items, minItems: length, maxItems: length });
  const flat = list(cell, count);
  return shape.length < 2 ? flat : { anyOf: [flat, shape.reduceRight(list, cell)] };
}

function outputOf(port: Port): Json {
  return {
    type: "object",
    required: ["name", "shape", "datatype", "data"],
    properties: {
      name: { const: port.name },
      datatype: { const: kindOf(port.dtype).oip },
      shape: { type: "array", items: { type: "integer" } },
      data: { type: "array" },
    },
  };
}
