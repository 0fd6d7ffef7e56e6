import fastJson from "fast-json-stringify";
import type { Tensor } from "onnxruntime-node";
import type { Feeds, Model, Port } from "../model/model.ts";
import { type Cell, jsonCell, kindOf, nested } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";
import type { SchemaFile } from "./schema-file.ts";

/** What a model's outputs mean. */
export interface Meaning {
  /** The output that names the class, when there is one. */
  label?: Port;
  /** The output with a probability per class. */
  probabilities?: Port;
  /** One number per row. */
  score?: Port;
  /** Outputs that are none of these: handed over by name. */
  others: readonly Port[];
  labels: readonly string[];
  threshold?: number;
}

/** Reads the meaning off names, types and shapes, as scikit-learn's, XGBoost's and LightGBM's exporters write them. @throws Refusal */
export function meaningOf(model: Model, schema: SchemaFile): Meaning {
  const { outputs } = model;
  const width = (port: Port): number =>
    port.shape.length === 2 ? (port.shape[1] ?? -1) : port.shape.length < 2 ? 1 : Number.NaN;
  const isFloat = (port: Port): boolean => kindOf(port.dtype).json === "number";
  const zipped = outputs.find((port) => model.prepared.labels.has(port.name));
  const named = outputs.find((port) => isFloat(port) && /prob/i.test(port.name));
  const wide = outputs.find((port) => isFloat(port) && width(port) >= 2);
  const likely = zipped ?? named ?? wide;
  // One integer or text per row is the class only where there are chances beside it, or its name says so.
  const label = outputs.find(
    (port) => !isFloat(port) && width(port) === 1 && (likely !== undefined || /label|class/i.test(port.name)),
  );
  const probabilities = zipped ?? named ?? (label !== undefined || schema.labels !== undefined ? wide : undefined);
  const used = [label, probabilities].filter((port) => port !== undefined);
  const rest = outputs.filter((port) => !used.includes(port));
  const score = used.length === 0 ? rest.find((port) => isFloat(port) && width(port) === 1) : undefined;
  const labels = schema.labels ?? (zipped && model.prepared.labels.get(zipped.name)) ?? metadataLabels(model) ?? [];
  const classes = probabilities === undefined ? -1 : width(probabilities);
  if (labels.length > 0 && classes > 0 && labels.length !== classes) {
    throw new Refusal(
      400,
      `schema.yaml has ${labels.length} labels, and ${probabilities?.name} has ${classes} columns`,
    );
  }
  if (schema.threshold !== undefined && labels.length !== 2) {
    throw new Refusal(400, "schema.yaml: a threshold needs two labels");
  }
  return {
    ...(label === undefined ? {} : { label }),
    ...(probabilities === undefined ? {} : { probabilities }),
    ...(score === undefined ? {} : { score }),
    others: rest.filter((port) => port !== score),
    labels,
    ...(schema.threshold === undefined ? {} : { threshold: schema.threshold }),
  };
}

function metadataLabels(model: Model): string[] | undefined {
  const said = model.prepared.metadata.get("labels");
  if (said === undefined) return undefined;
  return said.trim().startsWith("[") ? (JSON.parse(said) as string[]) : said.split(",").map((each) => each.trim());
}

/** One answer: for a classifier label, probabilities and score; for a regressor the score; else the outputs by name. */
export interface Decision {
  label?: Cell | null;
  probabilities?: Record<string, number | null>;
  /** Probability of the second of two classes, else of the label; or the regressor's number. */
  score?: number | null;
  outputs?: Record<string, unknown>;
}

/** Makes one row's decision from the outputs of a run; `row` counts in the batch. */
export type Decide = (outputs: Feeds, row: number) => Decision;

export function decider(meaning: Meaning, batches: boolean): Decide {
  let last: Feeds | undefined;
  let parts: ((decision: Decision, row: number) => void)[] = [];
  return (outputs, row) => {
    // Many requests share one run: its tensors are opened once.
    if (outputs !== last) parts = open(outputs, meaning, batches);
    last = outputs;
    const decision: Decision = {};
    for (const part of parts) part(decision, row);
    return decision;
  };
}

function open(outputs: Feeds, meaning: Meaning, batches: boolean): ((decision: Decision, row: number) => void)[] {
  const { label, probabilities, score, others, labels } = meaning;
  const parts: ((decision: Decision, row: number) => void)[] = [];
  if (probabilities !== undefined) parts.push(classifier(tensor(outputs, probabilities), meaning));
  if (label !== undefined && meaning.threshold === undefined) {
    const values = tensor(outputs, label);
    parts.push((decision, row) => {
      const said = jsonCell(values, row);
      decision.label = typeof said === "number" ? (labels[said] ?? said) : said;
      if (labels.length === 2) return;
      const chosen = decision.probabilities?.[String(decision.label)];
      if (chosen !== undefined) decision.score = chosen;
    });
  }
  if (score !== undefined) {
    const values = tensor(outputs, score);
    parts.push((decision, row) => void (decision.score = jsonCell(values, row) as number | null));
  }
  if (others.length > 0) {
    const values = others.map((port) => [port.name, tensor(outputs, port)] as const);
    parts.push((decision, row) => {
      decision.outputs = Object.fromEntries(values.map(([name, each]) => [name, rowOf(each, row, batches)]));
    });
  }
  return parts;
}

function classifier(values: Tensor, meaning: Meaning): (decision: Decision, row: number) => void {
  const classes = values.dims.at(-1) ?? 1;
  const names = Array.from({ length: classes }, (_, index) => meaning.labels[index] ?? String(index));
  const labels = names.map((_name, index) => meaning.labels[index] ?? index);
  const plain = values.type === "float32" ? (values.data as Float32Array) : undefined;
  return (decision, row) => {
    const probabilities: Record<string, number | null> = {};
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    let value: number | null = null;
    for (let index = 0; index < classes; index++) {
      const at = row * classes + index;
      value = plain === undefined ? (jsonCell(values, at) as number | null) : finite(plain[at]);
      probabilities[names[index] ?? ""] = value;
      if (value !== null && value > most) [best, most] = [index, value];
    }
    if (meaning.threshold !== undefined) best = value !== null && value >= meaning.threshold ? classes - 1 : 0;
    decision.label = labels[best] ?? best;
    decision.probabilities = probabilities;
    decision.score = classes === 2 ? value : finite(most);
  };
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

function tensor(outputs: Feeds, port: Port): Tensor {
  const found = outputs[port.name];
  if (found === undefined) throw new TypeError(`the model gave no ${port.name}`);
  return found;
}

function rowOf(values: Tensor, row: number, batches: boolean): unknown {
  if (!batches) return nested(values, values.dims, 0);
  const shape = values.dims.slice(1);
  return nested(values, shape, row * shape.reduce((product, each) => product * each, 1));
}

const CHANCE = { type: ["number", "null"], minimum: 0, maximum: 1 };

interface DecisionSchema {
  [key: string]: unknown;
  type: "object";
  properties: { [key in keyof Decision]?: object };
  required: string[];
}

/** A decision as JSON Schema (2020-12). */
export function decisionSchema(meaning: Meaning): DecisionSchema {
  const properties: DecisionSchema["properties"] = {};
  const { label, probabilities, score, others, labels } = meaning;
  if (label !== undefined || probabilities !== undefined) {
    properties.label = labels.length > 0 ? { enum: labels } : { type: ["string", "integer", "boolean"] };
  }
  if (probabilities !== undefined) {
    properties.probabilities =
      labels.length > 0
        ? { type: "object", properties: Object.fromEntries(labels.map((each) => [each, CHANCE])) }
        : { type: "object", additionalProperties: CHANCE };
    properties.score = { ...CHANCE, description: "Probability of the second of two classes, else of the label." };
  }
  if (score !== undefined) properties.score = { type: ["number", "null"] };
  if (others.length > 0) {
    properties.outputs = { type: "object", properties: Object.fromEntries(others.map((port) => [port.name, {}])) };
  }
  return { type: "object", properties, required: Object.keys(properties) };
}

/** JSON.stringify for this model's decisions, written out as code from their schema: five times as fast. */
export function decisionWriter(meaning: Meaning): (decision: Decision) => string {
  const { properties } = decisionSchema(meaning);
  // A model may have more classes than it has names for: nothing is left out.
  if (properties.probabilities !== undefined) {
    properties.probabilities = { ...properties.probabilities, additionalProperties: CHANCE };
  }
  return fastJson({ type: "object", properties });
}
