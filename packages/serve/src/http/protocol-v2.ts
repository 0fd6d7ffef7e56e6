import type { FastifyInstance } from "fastify";
import * as z from "zod";
import type { Feeds, Port } from "../model/model.ts";
import { type Cell, fill, jsonCell, kindOf, tensorOf } from "../model/tensors.ts";
import { Refusal } from "../refusal.ts";
import type { Service } from "../service.ts";
import type { Identity } from "./openapi.ts";
import type { Behind } from "./behind.ts";

const request = z.object({
  id: z.string().optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int().min(0)),
        datatype: z.string(),
        data: z.array(z.unknown()),
      }),
    )
    .min(1),
  outputs: z.array(z.object({ name: z.string() })).optional(),
});

type Input = z.infer<typeof request>["inputs"][number];

/** The Open Inference Protocol v2 over HTTP (github.com/kserve/open-inference-protocol, inference_rest.md). */
export function addProtocolV2(app: FastifyInstance, { identity, loaded, mustBeReady }: Behind): void {
  const described = (port: Port): object => ({ name: port.name, datatype: kindOf(port.dtype).oip, shape: port.shape });
  app.get("/v2", () => ({ name: "drayage-serve", version: identity.release, extensions: [] }));
  app.get("/v2/health/live", () => ({ live: true }));
  app.get("/v2/health/ready", () => {
    mustBeReady();
    return { ready: true };
  });
  for (const at of ["/v2/models/:model", "/v2/models/:model/versions/:version"]) {
    app.get<{ Params: Named }>(at, ({ params }) => {
      mustBe(params, identity);
      const { model } = loaded();
      return {
        name: identity.service,
        versions: [identity.release],
        platform: "onnx_onnxv1",
        inputs: model.inputs.map(described),
        outputs: model.outputs.map(described),
      };
    });
    app.get<{ Params: Named }>(`${at}/ready`, ({ params }) => {
      mustBe(params, identity);
      mustBeReady();
      return { name: identity.service, ready: true };
    });
    app.post<{ Params: Named }>(`${at}/infer`, async ({ params, body }, reply) => {
      mustBe(params, identity);
      return await infer(loaded(), identity, body, () => reply.raw.destroyed);
    });
  }
}

interface Named {
  model: string;
  version?: string;
}

function mustBe(params: Named, identity: Identity): void {
  if (params.model !== identity.service)
    throw new Refusal(404, `there is no model ${params.model.slice(0, 100)}; there is ${identity.service}`);
  if (params.version !== undefined && params.version !== identity.release)
    throw new Refusal(404, `there is no version ${params.version.slice(0, 100)}; there is ${identity.release}`);
}

async function infer(service: Service, identity: Identity, body: unknown, gone: () => boolean): Promise<object> {
  const parsed = request.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Refusal(400, `${issue?.path.join(".") || "the body"}: ${issue?.message ?? "not valid"}`);
  }
  const { inputs, outputs, id } = parsed.data;
  const feeds: Feeds = {};
  for (const input of inputs) {
    const port = service.model.inputs.find((each) => each.name === input.name);
    if (port === undefined)
      throw new Refusal(400, `the model has no input ${input.name}; it has ${names(service.model.inputs)}`);
    feeds[port.name] = toTensor(input, port);
  }
  const missing = service.model.inputs.find((port) => feeds[port.name] === undefined);
  if (missing !== undefined) throw new Refusal(400, `the input ${missing.name} is missing`);
  const stranger = outputs?.find((wanted) => !service.model.outputs.some((port) => port.name === wanted.name));
  if (stranger !== undefined)
    throw new Refusal(400, `the model has no output ${stranger.name}; it has ${names(service.model.outputs)}`);
  const made = await service.infer(feeds, gone).catch((error: unknown) => {
    // The protocol knows one code for what does not fit.
    throw error instanceof Refusal && error.status === 422 ? new Refusal(400, error.message) : error;
  });
  const wanted = service.model.outputs.filter(
    (port) => outputs === undefined || outputs.length === 0 || outputs.some((each) => each.name === port.name),
  );
  return {
    model_name: identity.service,
    model_version: identity.release,
    ...(id === undefined ? {} : { id }),
    outputs: wanted.map((port) => fromTensor(port, made)),
  };
}

const names = (ports: readonly Port[]): string => ports.map((port) => port.name).join(", ");

function toTensor(input: Input, port: Port): Feeds[string] {
  const kind = kindOf(port.dtype);
  const bad = (why: string): Refusal => new Refusal(400, `${input.name}: ${why}`);
  if (input.datatype !== kind.oip) throw bad(`expected datatype ${kind.oip}, got ${input.datatype.slice(0, 40)}`);
  const fits =
    input.shape.length === port.shape.length &&
    input.shape.every((each, index) => port.shape[index] === -1 || port.shape[index] === each);
  if (!fits) throw bad(`expected shape [${port.shape.join(", ")}], got [${input.shape.join(", ")}]`);
  const count = input.shape.reduce((product, each) => product * each, 1);
  const data = input.data.some(Array.isArray) ? input.data.flat<unknown[], 20>(20) : input.data;
  if (data.length !== count) throw bad(`expected ${count} values, got ${data.length}`);
  const cells = kind.make(count);
  for (const [index, value] of data.entries()) {
    if (!isCell(value, kind))
      throw bad(
        `value ${index}: expected ${kind.json}${kind.range === undefined ? "" : ` from ${kind.range[0]} to ${kind.range[1]}`}, got ${value === null ? "null" : typeof value}`,
      );
    fill(cells, index, value);
  }
  return tensorOf(port.dtype, cells, input.shape);
}

function isCell(value: unknown, kind: ReturnType<typeof kindOf>): value is Cell {
  if (kind.json === "string") return typeof value === "string";
  if (kind.json === "boolean") return typeof value === "boolean" || value === 0 || value === 1;
  if (typeof value !== "number" || !Number.isFinite(value)) return false;
  if (kind.json === "number") return true;
  const [low, high] = kind.range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  return Number.isInteger(value) && value >= low && value <= high;
}

function fromTensor(port: Port, made: Feeds): object {
  const tensor = made[port.name];
  if (tensor === undefined) throw new TypeError(`the model gave no ${port.name}`);
  return {
    name: port.name,
    datatype: kindOf(port.dtype).oip,
    shape: tensor.dims,
    data: Array.from({ length: tensor.size }, (_, index) => jsonCell(tensor, index)),
  };
}
