import type { Feeds, Model, Port } from "../model/model.ts";
import type { Origin } from "../model/origin.ts";
import { type Cell, jsonCell, kindOf } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";
import type { SchemaFile } from "./schema-file.ts";

/** An output that is handed over by its name; with the names of its columns, where the file has some. */
export interface Other extends Port {
  columnNames?: readonly Cell[];
}

/** What a model's outputs mean. */
export interface Meaning {
  /** The output that names the class, when there is one. */
  label?: Port;
  /** The output with a probability per class. */
  probabilities?: Port;
  /** One number per row. */
  score?: Port;
  /** Outputs that are none of these: handed over by name. */
  others: readonly Other[];
  /** The classes as answers name them, in the model's order; none where they are not known. */
  classes: readonly Cell[];
  /** What the model calls a class -> what answers call it, where these are not the same. */
  codes: ReadonlyMap<Cell, Cell>;
  threshold?: number;
}

/** An output, what made it, and what came out of it for single rows. */
interface Seen {
  port: Port;
  origin: Origin;
  isFloat: boolean;
  /** Numbers of a row; undefined where rows have no one length. */
  width: number | undefined;
  /** Its rows, where the model was asked. */
  rows: readonly (readonly (Cell | null)[])[];
}

/** Answers of a model, each to one row. `count`: the rows that its outputs have all the same. */
export interface Answers {
  outputs: readonly Feeds[];
  count: number;
}

/** Reads the meaning off the operators that made the outputs, and checks it with answers that the model gave. @throws Refusal for a schema.yaml that does not fit */
export function meaningOf(model: Model, schema: SchemaFile, answers: Answers): Meaning {
  const all = model.outputs.map((port) => see(port, model, answers));
  const named = (name: string | undefined): Seen | undefined => said(all, name);
  const says = schema.outputs ?? {};
  const free = all.filter(({ port }) => !Object.values(says).includes(port.name));
  const names = schema.labels ?? metadataLabels(model);
  const made = named(says.label) ?? only(free, isLabel);
  const probabilities = named(says.probabilities) ?? chancesAmong(free, made, names);
  const label = made ?? (names === undefined ? undefined : only(free, (seen) => follows(seen, probabilities)));
  const score = named(says.score) ?? scoreAmong(free, label ?? probabilities);
  const used = [label, probabilities, score];
  return {
    ...port("label", label),
    ...port("probabilities", probabilities),
    ...port("score", score),
    others: all.filter((seen) => !used.includes(seen)).map((seen) => otherOf(seen.port, model)),
    ...classesOf(names, label, probabilities),
    ...threshold(schema, names, probabilities),
  };
}

const port = <K extends string>(key: K, seen: Seen | undefined): Partial<Record<K, Port>> =>
  seen === undefined ? {} : ({ [key]: seen.port } as Record<K, Port>);

function otherOf(output: Port, model: Model): Other {
  const columnNames = model.prepared.columns.get(output.name);
  return columnNames === undefined ? output : { ...output, columnNames };
}

function see(output: Port, model: Model, { outputs, count }: Answers): Seen {
  const origin = model.prepared.origins.get(output.name) ?? { kind: "other", of: output.name };
  const isFloat = kindOf(output.dtype).json === "number";
  const tensors = outputs.map((feeds) => feeds[output.name]).filter((tensor) => tensor !== undefined);
  // An answer of several rows to one request is no row.
  const widths = new Set(tensors.map(({ dims }) => ((dims[0] ?? 1) === count ? sizeOf(dims) / count : Number.NaN)));
  const [first] = widths;
  const shown = widths.size === 1 && Number.isInteger(first) ? first : undefined;
  const width = tensors.length > 0 ? shown : declared(output.shape, count);
  const rows = tensors.map((tensor) => Array.from({ length: width ?? 0 }, (_, index) => jsonCell(tensor, index)));
  return { port: output, origin, isFloat, width, rows };
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, each) => product * each, 1);

/** Numbers of a row as the file says it: [rows] or [rows, columns]. */
function declared(shape: readonly number[], count: number): number | undefined {
  const [first, columns = 1] = shape;
  const isRow = first === -1 || first === count;
  return shape.length <= 2 && columns > 0 && isRow ? columns : undefined;
}

/** @throws Refusal when schema.yaml names an output that the model has not */
function said(all: readonly Seen[], name: string | undefined): Seen | undefined {
  if (name === undefined) return undefined;
  const found = all.find((seen) => seen.port.name === name);
  if (found !== undefined) return found;
  const has = all.map((seen) => seen.port.name).join(", ");
  throw new Refusal(400, `schema.yaml: outputs names "${name}", which the model has not; it has: ${has}`);
}

/** The one of which this is true: two are a doubt. */
function only(all: readonly Seen[], is: (seen: Seen) => boolean): Seen | undefined {
  const found = all.filter(is);
  return found.length === 1 ? found[0] : undefined;
}

const isLabel = ({ origin, width }: Seen): boolean => origin.kind === "label" && width === 1;

/** The output that is a chance per class: by its operator; else by what it has to do with the label, and by its values. */
function chancesAmong(
  all: readonly Seen[],
  label: Seen | undefined,
  names: readonly string[] | undefined,
): Seen | undefined {
  const of = label?.origin.kind === "label" ? label.origin.of : undefined;
  const wide = all.filter((seen) => seen.isFloat && (seen.width ?? 1) > 1 && seen.port.shape.length <= 2);
  const made = wide.filter(
    ({ origin, rows }) => origin.kind === "chances" && (origin.sure ? rows.every(within) : areChances(rows)),
  );
  if (made.length > 0) return made.length === 1 ? made[0] : only(made, ({ origin }) => rootOf(origin) === of);
  const classes = label?.origin.kind === "label" ? label.origin.classes.length : 0;
  const fits = ({ width }: Seen): boolean => width === names?.length || width === classes;
  return only(wide, (seen) => isOpen(seen.origin) && fits(seen) && areChances(seen.rows) && agrees(seen, label));
}

const rootOf = (origin: Origin): string | undefined => ("of" in origin ? origin.of : undefined);
const isOpen = (origin: Origin): boolean => origin.kind === "other" || origin.kind === "chances";

const isChance = (value: Cell | null): boolean => typeof value === "number" && value >= -1e-6 && value <= 1 + 1e-6;
/** A row that was far from all that the model has learned may have come out as no numbers at all: it says nothing. */
const isReal = (row: readonly (Cell | null)[]): boolean => !row.includes(null);
const within = (row: readonly (Cell | null)[]): boolean => !isReal(row) || row.every(isChance);
const SUM_NOISE = 1e-3;

/** At least one row was seen, and each is a list of chances that add up to 1. */
function areChances(rows: Seen["rows"]): boolean {
  const sums = (row: readonly (Cell | null)[]): boolean =>
    Math.abs(row.reduce<number>((sum, value) => sum + Number(value), 0) - 1) < SUM_NOISE;
  const real = rows.filter(isReal);
  return real.length > 0 && real.every((row) => within(row) && sums(row));
}

/** Is the label of each row the class whose chance is the largest? Without a label there is nothing to contradict. */
function agrees(chances: Seen, label: Seen | undefined): boolean {
  if (label?.origin.kind !== "label" || label.origin.classes.length === 0) return true;
  const { classes } = label.origin;
  return chances.rows.every((row, index) => !isReal(row) || classes[largest(row)] === label.rows[index]?.[0]);
}

/** An output that no operator calls a label, and that gave the number of the largest chance for every row. */
function follows(seen: Seen, chances: Seen | undefined): boolean {
  if (seen.isFloat || seen.width !== 1 || chances === undefined || seen.origin.kind !== "other") return false;
  return (
    seen.rows.length > 0 &&
    chances.rows.every((row, index) => !isReal(row) || largest(row) === Number(seen.rows[index]?.[0]))
  );
}

/** The first of the largest numbers. */
function largest(row: readonly (Cell | null)[]): number {
  return row.indexOf(row.reduce((most, value) => (Number(value) > Number(most) ? value : most), row[0] ?? null));
}

/** Without classes: what a regressor or a sigmoid made, else the only thing that is made at all; one number a row. */
function scoreAmong(all: readonly Seen[], classifies: Seen | undefined): Seen | undefined {
  if (classifies !== undefined) return undefined;
  const single = all.filter((seen) => seen.isFloat && seen.width === 1);
  const made = single.filter(({ origin }) => origin.kind === "score");
  if (made.length > 0) return made.length === 1 ? made[0] : undefined;
  const real = all.filter(({ origin }) => origin.kind !== "echo");
  return real.length === 1 && real[0]?.origin.kind === "other" ? single.find((seen) => seen === real[0]) : undefined;
}

/** Names of the classes, and what the model's own label is called. @throws Refusal when there are not as many names as classes */
function classesOf(
  names: readonly string[] | undefined,
  label: Seen | undefined,
  probabilities: Seen | undefined,
): Pick<Meaning, "classes" | "codes"> {
  const own = [probabilities, label].map((seen) => classesIn(seen?.origin)).find((each) => each.length > 0) ?? [];
  const width = probabilities?.width;
  if (probabilities !== undefined && (width ?? 0) < 2) {
    throw new Refusal(
      400,
      `schema.yaml: outputs says that ${probabilities.port.name} is probabilities, and it has no column per class`,
    );
  }
  if (names !== undefined && width !== undefined && names.length !== width) {
    throw new Refusal(
      400,
      `schema.yaml has ${names.length} labels, and ${probabilities?.port.name} has ${width} columns`,
    );
  }
  const known = width === undefined || own.length === width ? own : [];
  const classes = names ?? (known.length > 0 ? known : Array.from({ length: width ?? 0 }, (_, index) => index));
  const codes = new Map(names?.map((name, index) => [known[index] ?? index, name]));
  return { classes, codes };
}

const classesIn = (origin: Origin | undefined): readonly Cell[] =>
  origin !== undefined && "classes" in origin ? origin.classes : [];

function threshold(
  schema: SchemaFile,
  names: readonly string[] | undefined,
  probabilities: Seen | undefined,
): Pick<Meaning, "threshold"> {
  if (schema.threshold === undefined) return {};
  if (probabilities?.width === 2 || names?.length === 2) return { threshold: schema.threshold };
  throw new Refusal(400, "schema.yaml: a threshold needs two labels");
}

/** Class names in the file's own metadata: JSON, or commas. */
function metadataLabels(model: Model): string[] | undefined {
  const given = model.prepared.metadata.get("labels");
  if (given === undefined) return undefined;
  return given.trim().startsWith("[") ? (JSON.parse(given) as string[]) : given.split(",").map((each) => each.trim());
}
