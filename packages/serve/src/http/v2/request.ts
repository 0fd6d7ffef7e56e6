import * as z from "zod";
import { cellsIn, tensorOfBytes } from "../../formats/bytes.ts";
import { fitsPort, onlyInput, shapeOfCells } from "../../formats/shape.ts";
import type { Range } from "../../model/indices.ts";
import { type Feeds, type Model, type Port, rangeOf } from "../../model/model.ts";
import { type Cell, fill, kindOf, tensorOf } from "../../model/tensors.ts";
import { Refusal } from "../../refusal.ts";

/** The header that says where the JSON of a body ends and the tensors' bytes begin. */
export const LENGTH_HEADER = "inference-header-content-length";

const request = z.object({
  id: z.string().nullish(),
  parameters: z.looseObject({ binary_data_output: z.boolean().nullish() }).nullish(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int().min(0)),
        datatype: z.string(),
        parameters: z.looseObject({ binary_data_size: z.number().int().min(0).nullish() }).nullish(),
        data: z.array(z.unknown()).nullish(),
      }),
    )
    .min(1),
  outputs: z
    .array(
      z.object({
        name: z.string(),
        parameters: z
          .looseObject({ binary_data: z.boolean().nullish(), classification: z.number().int().min(0).nullish() })
          .nullish(),
      }),
    )
    .nullish(),
});

type Said = z.infer<typeof request>;
type Input = Said["inputs"][number];

/** An output that the client wants, and how. */
export interface Wanted {
  port: Port;
  binary: boolean;
  /** So many of the highest, with their names, instead of all numbers; 0: all numbers. */
  best: number;
}

/** A request of the protocol, read. */
export interface Asking {
  id: string | undefined;
  feeds: Feeds;
  wanted: readonly Wanted[];
}

/** What a request is held against: the model, and those of its inputs in which null is a missing value. */
export interface Takes {
  model: Model;
  holes: ReadonlySet<string>;
}

/** Reads a body: JSON, and behind it the bytes of those tensors that have no `data`. @throws Refusal 400 */
export function readAsking(body: unknown, length: string | undefined, { model, holes }: Takes): Asking {
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new Refusal(400, "the body is empty; send a JSON object with inputs");
  const end = length === undefined ? body.length : Number(length);
  if (!Number.isInteger(end) || end < 0 || end > body.length)
    throw new Refusal(400, `${LENGTH_HEADER}: expected at most ${body.length}, the length of the body`);
  if (length !== undefined && end === 0) return onlyBytes(body, model);
  const said = parsed(body.subarray(0, end));
  return {
    id: said.id ?? undefined,
    feeds: feedsOf(said.inputs, body.subarray(end), { model, holes }),
    wanted: wantedOf(said, model),
  };
}

/** Without any JSON: the bytes are those of the only input. */
function onlyBytes(body: Buffer, model: Model): Asking {
  const port = onlyInput(model);
  const count = cellsIn(port.dtype, body.length);
  if (count === undefined)
    throw new Refusal(400, `${port.name}: ${body.length} bytes are no ${kindOf(port.dtype).oip}`);
  const feeds = { [port.name]: tensorOfBytes(port.dtype, body, shapeOfCells(port, count)) };
  return { id: undefined, feeds, wanted: model.outputs.map((each) => ({ port: each, binary: true, best: 0 })) };
}

function parsed(bytes: Buffer): Said {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    throw new Refusal(400, `the body is not valid JSON; tensors as bytes behind it need the header ${LENGTH_HEADER}`);
  }
  const result = request.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Refusal(400, `${issue?.path.join(".") || "the body"}: ${issue?.message ?? "not valid"}`);
}

function feedsOf(inputs: readonly Input[], bytes: Buffer, { model, holes }: Takes): Feeds {
  const feeds: Feeds = {};
  let at = 0;
  for (const input of inputs) {
    const port = model.inputs.find((each) => each.name === input.name);
    if (port === undefined)
      throw new Refusal(400, `the model has no input ${input.name.slice(0, 100)}; it has ${names(model.inputs)}`);
    if (feeds[port.name] !== undefined) throw bad(input, "expected once, got it again");
    mustFit(input, port);
    const size = input.parameters?.binary_data_size ?? undefined;
    feeds[port.name] =
      size === undefined
        ? fromData(input, port, holes.has(port.name))
        : fromBytes(input, port, bytes.subarray(at, at + size));
    at += size ?? 0;
  }
  if (at !== bytes.length)
    throw new Refusal(400, `the tensors have ${at} bytes, and behind the JSON are ${bytes.length}`);
  const missing = model.inputs.find((port) => feeds[port.name] === undefined);
  if (missing !== undefined) throw new Refusal(400, `the input ${missing.name} is missing`);
  return feeds;
}

function wantedOf({ outputs, parameters }: Said, model: Model): Wanted[] {
  const binary = parameters?.binary_data_output ?? false;
  if (outputs === undefined || outputs === null || outputs.length === 0)
    return model.outputs.map((port) => ({ port, binary, best: 0 }));
  return outputs.map((output) => {
    const port = model.outputs.find((each) => each.name === output.name);
    if (port === undefined)
      throw new Refusal(400, `the model has no output ${output.name.slice(0, 100)}; it has ${names(model.outputs)}`);
    const own = output.parameters;
    return { port, binary: own?.binary_data ?? binary, best: own?.classification ?? 0 };
  });
}

const names = (ports: readonly Port[]): string => ports.map((port) => port.name).join(", ");
const bad = (input: Input, why: string): Refusal => new Refusal(400, `${input.name}: ${why}`);

function mustFit(input: Input, port: Port): void {
  const { oip } = kindOf(port.dtype);
  if (input.datatype !== oip) throw bad(input, `expected datatype ${oip}, got ${input.datatype.slice(0, 40)}`);
  if (!fitsPort(input.shape, port))
    throw bad(input, `expected shape [${port.shape.join(", ")}], got [${input.shape.join(", ")}]`);
}

function fromBytes(input: Input, port: Port, bytes: Buffer): Feeds[string] {
  try {
    return tensorOfBytes(port.dtype, bytes, input.shape);
  } catch (error) {
    throw error instanceof Refusal ? bad(input, error.message) : error;
  }
}

function fromData(input: Input, port: Port, holes: boolean): Feeds[string] {
  const kind = kindOf(port.dtype);
  const count = input.shape.reduce((product, each) => product * each, 1);
  const given = input.data ?? undefined;
  if (given === undefined) throw bad(input, "expected data, or binary_data_size among its parameters");
  const data = given.some(Array.isArray) ? given.flat<unknown[], 20>(20) : given;
  if (data.length !== count) throw bad(input, `expected ${count} values, got ${data.length}`);
  const cells = kind.make(count);
  const range = rangeOf(port);
  for (const [index, value] of data.entries()) {
    if (!isCell(value, kind.json, range) && !(holes && value === null))
      throw bad(
        input,
        `value ${index}: expected ${kind.json}${range === undefined ? "" : ` from ${range[0]} to ${range[1]}`}, got ${value === null ? "null" : typeof value}`,
      );
    fill(cells, index, value);
  }
  return tensorOf(port.dtype, cells, input.shape);
}

function isCell(value: unknown, json: ReturnType<typeof kindOf>["json"], range: Range = SAFE): value is Cell {
  if (json === "string") return typeof value === "string";
  if (json === "boolean") return typeof value === "boolean" || value === 0 || value === 1;
  if (typeof value !== "number" || !Number.isFinite(value)) return false;
  return json === "number" || (Number.isInteger(value) && value >= range[0] && value <= range[1]);
}

const SAFE: Range = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
