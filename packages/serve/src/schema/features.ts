import { type Model, type Port, rangeOf } from "../model/model.ts";
import { type Cell, kindOf } from "../model/tensors.ts";
import { takesMissing } from "../model/missing.ts";
import { Refusal } from "../refusal.ts";
import type { Layout } from "../rows/layout.ts";
import type { FeatureText, SchemaFile } from "./schema-file.ts";

/** One named value of a row, and where in the model's inputs it goes. */
export interface Feature {
  name: string;
  input: string;
  /** Column of the input's row. */
  column: number;
  type: "number" | "integer" | "boolean" | "string" | "tensor";
  /** Of one row, for type tensor: an image, a text's tokens; -1 is any length. */
  shape: readonly number[];
  /** What the cells of a tensor are. */
  cell: "number" | "integer" | "boolean" | "string";
  minimum?: number;
  maximum?: number;
  allowed?: readonly Cell[];
  /** Allowed names -> the numbers that the model knows. */
  codes?: ReadonlyMap<string, number>;
  default?: Cell;
  /** May it be missing? null and absence are NaN then. */
  missing: boolean;
  text: FeatureText;
}

/**
 * The features of a model: an input of one column is a feature of the input's name; one of several columns is as many,
 * named by schema.yaml, by the model's metadata (`feature_names` or `feature_names.INPUT`: JSON or commas), or by number;
 * anything of a higher rank is one feature, a nested array.
 * @throws Refusal when schema.yaml does not fit the model
 */
export function featuresOf(model: Model, schema: SchemaFile, layout: Layout): Feature[] {
  const texts = schema.features ?? [];
  const single = model.inputs.length === 1;
  const features = model.inputs.flatMap((input) => {
    const shape = layout.rows ? input.shape.slice(1) : input.shape;
    const columns = columnsOf(shape) ?? openColumns(model, input, shape, texts);
    if (columns === undefined) return [tensorFeature(model, input, shape, texts)];
    const names = columns === 1 && !single ? [input.name] : namesOf(model, input, columns, single ? texts : []);
    return names.map((name, column) => scalarFeature(model, input, [name, column], texts));
  });
  const known = new Set(features.map((feature) => feature.name));
  const stranger = texts.find((text) => !known.has(text.name));
  if (stranger !== undefined) {
    throw new Refusal(
      400,
      `schema.yaml names a feature "${stranger.name}" that the model has not; it has: ${[...known].join(", ")}`,
    );
  }
  if (known.size < features.length) throw new Refusal(400, "two features have one name: name them in schema.yaml");
  return features;
}

/** Columns of a row that is a list of scalars; undefined for anything else. */
function columnsOf(shape: readonly number[]): number | undefined {
  if (shape.length === 0) return 1;
  const [columns = 1] = shape;
  return shape.length === 1 && columns > 0 ? columns : undefined;
}

/** Where the file leaves the number of columns open: as many as there are names for, else what the graph says. */
function openColumns(
  model: Model,
  input: Port,
  shape: readonly number[],
  texts: readonly FeatureText[],
): number | undefined {
  if (shape.length !== 1 || texts.some((text) => text.name === input.name)) return undefined;
  const said = saidNames(model, input, model.inputs.length === 1 ? texts : []);
  return said.length > 0 ? said.length : input.columns;
}

/** Names of an input's columns: the model's own metadata, else schema.yaml. */
function saidNames(model: Model, input: Port, texts: readonly FeatureText[]): string[] {
  const { metadata } = model.prepared;
  const said =
    metadata.get(`feature_names.${input.name}`) ??
    (model.inputs.length === 1 ? metadata.get("feature_names") : undefined);
  return said === undefined ? texts.map((text) => text.name) : list(said);
}

function namesOf(model: Model, input: Port, columns: number, texts: readonly FeatureText[]): string[] {
  const names = saidNames(model, input, texts);
  if (names.length === 0)
    return columns === 1 ? [input.name] : Array.from({ length: columns }, (_, index) => `${input.name}_${index}`);
  if (names.length === columns) return names;
  throw new Refusal(400, `${names.length} feature names for the ${columns} columns of ${input.name}`);
}

function list(said: string): string[] {
  return said.trim().startsWith("[") ? (JSON.parse(said) as string[]) : said.split(",").map((name) => name.trim());
}

function scalarFeature(
  model: Model,
  input: Port,
  [name, column]: [string, number],
  texts: readonly FeatureText[],
): Feature {
  const text = texts.find((each) => each.name === name) ?? { name };
  const kind = kindOf(input.dtype);
  const codes = codesOf(model, text);
  const allowed = Array.isArray(text.values) ? (text.values as Cell[]) : codes && [...codes.keys()];
  const stranger = codes && allowed?.find((value) => !codes.has(String(value)));
  if (stranger !== undefined)
    throw new Refusal(
      400,
      `schema.yaml allows ${JSON.stringify(stranger)} for ${name}, and the model does not know it`,
    );
  const [low, high] = rangeOf(input) ?? [];
  return {
    name,
    input: input.name,
    column,
    type: codes === undefined ? (text.type ?? kind.json) : "string",
    shape: [],
    cell: kind.json,
    text,
    missing: mayMiss(model, input, column, text),
    ...optional("minimum", text.minimum ?? low),
    ...optional("maximum", text.maximum ?? high),
    ...optional("allowed", allowed),
    ...optional("codes", codes),
    ...optional("default", text.default),
  };
}

/** Names that stand for numbers: from schema.yaml, or a list in the model's metadata (`values.NAME`) whose places are the numbers. */
function codesOf(model: Model, text: FeatureText): ReadonlyMap<string, number> | undefined {
  if (text.values !== undefined && !Array.isArray(text.values)) return new Map(Object.entries(text.values));
  const said = model.prepared.metadata.get(`values.${text.name}`);
  return said === undefined ? undefined : new Map(list(said).map((value, code) => [value, code]));
}

function tensorFeature(model: Model, input: Port, shape: readonly number[], texts: readonly FeatureText[]): Feature {
  const text = texts.find((each) => each.name === input.name) ?? { name: input.name };
  const kind = kindOf(input.dtype);
  const [low, high] = rangeOf(input) ?? [];
  return {
    name: input.name,
    input: input.name,
    column: 0,
    type: "tensor",
    shape,
    cell: kind.json,
    text,
    missing: mayMiss(model, input, undefined, text),
    ...optional("minimum", text.minimum ?? low),
    ...optional("maximum", text.maximum ?? high),
  };
}

/** @throws Refusal where schema.yaml allows holes in numbers that have none */
function mayMiss(model: Model, input: Port, column: number | undefined, text: FeatureText): boolean {
  const isFloat = kindOf(input.dtype).json === "number";
  if (text.missing === true && !isFloat) {
    throw new Refusal(400, `schema.yaml: ${text.name} cannot be missing: ${input.dtype} has no value that says so`);
  }
  return isFloat && (text.missing ?? takesMissing(model.prepared.graph, input.name, column));
}

function optional<K extends string, V>(key: K, value: V | undefined): Record<K, V> | Record<string, never> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/** What a feature's value must be, in words. */
export function expected(feature: Feature): string {
  const { allowed, minimum, maximum, type, cell, text } = feature;
  if (allowed !== undefined) {
    const choices: readonly unknown[] = feature.missing ? [...allowed, null] : allowed;
    return `one of ${choices.map((each) => JSON.stringify(each)).join(", ")}`;
  }
  const noun = {
    number: "a number",
    integer: "an integer",
    boolean: "true or false",
    string: "a text",
    tensor: `nested arrays of shape [${feature.shape.map((each) => (each < 0 ? "any" : each)).join(", ")}] of ${cell}s`,
  }[type];
  const range =
    minimum === undefined && maximum === undefined
      ? ""
      : minimum === undefined
        ? ` up to ${maximum}`
        : maximum === undefined
          ? ` from ${minimum}`
          : ` from ${minimum} to ${maximum}`;
  const hole = feature.missing ? ", or null where it is missing" : "";
  return noun + range + (text.unit === undefined ? "" : ` (${text.unit})`) + hole;
}

type JsonSchema = Record<string, unknown>;

/** A feature as JSON Schema (2020-12, the dialect of OpenAPI 3.1). */
function jsonSchemaOf(feature: Feature): JsonSchema {
  const { text } = feature;
  const words = {
    ...optional("title", text.title),
    ...optional(
      "description",
      [text.description, text.unit && `Unit: ${text.unit}.`].filter(Boolean).join(" ") || undefined,
    ),
    ...optional("default", feature.default),
    ...optional("examples", text.example === undefined ? undefined : [text.example]),
  };
  const limits = { ...optional("minimum", feature.minimum), ...optional("maximum", feature.maximum) };
  if (feature.type !== "tensor") {
    return {
      type: orNull(feature.type, feature),
      ...(feature.type === "string" || feature.type === "boolean" ? {} : limits),
      ...optional("enum", feature.allowed && (feature.missing ? [...feature.allowed, null] : feature.allowed)),
      ...words,
    };
  }
  const cells =
    feature.cell === "number" || feature.cell === "integer"
      ? { type: orNull(feature.cell, feature), ...limits }
      : { type: feature.cell };
  const items = feature.shape.reduceRight<JsonSchema>(
    (inner, length) => ({
      type: "array",
      items: inner,
      ...(length < 0 ? { minItems: 1 } : { minItems: length, maxItems: length }),
    }),
    cells,
  );
  return { ...items, ...words };
}

const orNull = (type: string, { missing }: Feature): string | string[] => (missing ? [type, "null"] : type);

/** One row as JSON Schema: every feature by name, nothing else. */
export function rowSchema(features: readonly Feature[]): JsonSchema {
  return {
    type: "object",
    additionalProperties: false,
    required: features.filter(isRequired).map((feature) => feature.name),
    properties: Object.fromEntries(features.map((feature) => [feature.name, jsonSchemaOf(feature)])),
  };
}

/** A tensor is there even where all of its cells may be missing. */
const isRequired = (feature: Feature): boolean =>
  feature.default === undefined && (!feature.missing || feature.type === "tensor");

/** A row that the schema allows. */
export function exampleRow(features: readonly Feature[]): Record<string, unknown> {
  return Object.fromEntries(features.map((feature) => [feature.name, exampleOf(feature)]));
}

function exampleOf(feature: Feature): unknown {
  const { text, allowed, minimum = 0, maximum = 1 } = feature;
  if (text.example !== undefined) return text.example;
  if (feature.default !== undefined) return feature.default;
  if (allowed !== undefined) return allowed[0];
  if (feature.type === "tensor")
    return feature.shape.reduceRight<unknown>(
      (inner, length) => Array.from({ length: Math.max(1, length) }, () => inner),
      cellExample(feature.cell, 0),
    );
  const low = Math.max(minimum, -1e6);
  const high = Math.min(maximum, 1e6);
  return cellExample(feature.type, feature.type === "integer" ? Math.round((low + high) / 2) : (low + high) / 2);
}

function cellExample(type: string, middle: number): Cell {
  if (type === "string") return "text";
  if (type === "boolean") return true;
  return middle;
}
