import fastJson from "fast-json-stringify";
import type { Tensor } from "onnxruntime-node";
import type { Feeds, Port } from "../model/model.ts";
import { type Cell, jsonCell, nested } from "../model/tensors.ts";
import type { Meaning, Other } from "./meaning.ts";

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

/** `rows`: is the first dimension of the outputs the rows? Else all of each output is the answer. */
export function decider(meaning: Meaning, rows: boolean): Decide {
  let last: Feeds | undefined;
  let parts: ((decision: Decision, row: number) => void)[] = [];
  return (outputs, row) => {
    // Many requests share one run: its tensors are opened once.
    if (outputs !== last) parts = open(outputs, meaning, rows);
    last = outputs;
    const decision: Decision = {};
    for (const part of parts) part(decision, row);
    return decision;
  };
}

type Part = (decision: Decision, row: number) => void;

function open(outputs: Feeds, meaning: Meaning, rows: boolean): Part[] {
  const { label, probabilities, score, others } = meaning;
  const parts: Part[] = [];
  if (probabilities !== undefined) parts.push(classifier(tensor(outputs, probabilities), meaning));
  if (label !== undefined && meaning.threshold === undefined) parts.push(labeller(tensor(outputs, label), meaning));
  if (score !== undefined) {
    const values = tensor(outputs, score);
    parts.push((decision, row) => void (decision.score = jsonCell(values, row) as number | null));
  }
  if (others.length > 0) {
    const values = others.map((port) => [port, tensor(outputs, port)] as const);
    parts.push((decision, row) => {
      const made = values.map(([port, each]) => [port.name, byColumn(port, rowOf(each, row, rows))]);
      decision.outputs = Object.fromEntries(made) as Record<string, unknown>;
    });
  }
  return parts;
}

function labeller(values: Tensor, { codes, classes }: Meaning): Part {
  return (decision, row) => {
    const said = jsonCell(values, row);
    decision.label = said === null ? null : (codes.get(said) ?? said);
    if (classes.length === 2) return;
    const chosen = decision.probabilities?.[String(decision.label)];
    if (chosen !== undefined) decision.score = chosen;
  };
}

function classifier(values: Tensor, { classes, threshold }: Meaning): Part {
  const width = classes.length;
  const names = classes.map(String);
  const plain = values.type === "float32" ? (values.data as Float32Array) : undefined;
  return (decision, row) => {
    const probabilities: Record<string, number | null> = {};
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    let value: number | null = null;
    for (let index = 0; index < width; index++) {
      const at = row * width + index;
      value = plain === undefined ? (jsonCell(values, at) as number | null) : finite(plain[at]);
      probabilities[names[index] ?? ""] = value;
      if (value !== null && value > most) [best, most] = [index, value];
    }
    if (threshold !== undefined) best = value !== null && value >= threshold ? width - 1 : 0;
    decision.label = classes[best] ?? best;
    decision.probabilities = probabilities;
    decision.score = width === 2 ? value : finite(most);
  };
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

function tensor(outputs: Feeds, port: Port): Tensor {
  const found = outputs[port.name];
  if (found === undefined) throw new TypeError(`the model gave no ${port.name}`);
  return found;
}

/** A row whose columns have names in the file comes out as an object. */
function byColumn({ columnNames }: Other, value: unknown): unknown {
  if (columnNames === undefined || !Array.isArray(value)) return value;
  return Object.fromEntries(columnNames.map((name, index) => [String(name), value[index] as unknown]));
}

function rowOf(values: Tensor, row: number, rows: boolean): unknown {
  if (!rows) return nested(values, values.dims, 0);
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
  const { label, probabilities, score, others, classes } = meaning;
  if (label !== undefined || probabilities !== undefined) {
    properties.label = classes.length > 0 ? { enum: classes } : { type: ["string", "integer", "number", "boolean"] };
  }
  if (probabilities !== undefined) {
    const each = Object.fromEntries(classes.map((name) => [String(name), CHANCE]));
    properties.probabilities = { type: "object", properties: each };
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
  return fastJson({ type: "object", properties });
}
