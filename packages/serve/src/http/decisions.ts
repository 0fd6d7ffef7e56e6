import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { csvOf } from "../formats/csv.ts";
import { Refusal } from "../refusal.ts";
import type { Decision } from "../schema/decisions.ts";
import type { Row } from "../schema/row.ts";
import type { Service } from "../service.ts";
import { type Kept, takeKept } from "../wire/kept.ts";
import { came, secondsSince } from "./arrival.ts";
import type { Meters } from "./metrics.ts";
import type { Behind } from "./behind.ts";
import { TensorBody } from "./bodies.ts";
import { asList, asOne, type Form, JSON_TYPE } from "./form.ts";
import { packingFor } from "./pack.ts";

/** What the platforms tell a container about the routes they will use. */
export interface Platforms {
  /** Vertex AI: AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE. */
  vertex?: { predict: string; health: string };
}

/**
 * The one handler, under every platform's name for it: our own route, Vertex's custom-container contract 1.0.0
 * (instances -> predictions), KServe's first protocol, which Vertex took it from, and SageMaker's (/invocations).
 */
export function addDecisions(app: FastifyInstance, behind: Behind, platforms: Platforms, meters: Meters): void {
  const { identity, loaded, mustBeReady } = behind;
  const plain: Handler = (request, reply) => {
    const { body } = request;
    const to: To = { service: loaded(), reply, meters };
    if (body instanceof TensorBody) return answerTensors(body, to);
    const kept = takeKept(request.raw.socket);
    if (kept !== undefined) return answerKept(kept, to, Array.isArray(body) ? asList : asOne);
    answer(to.service.validator.rows(body), to, Array.isArray(body) ? asList : asOne);
  };
  const instances: Handler = (request, reply) => {
    const service = loaded();
    const given = (request.body as { instances?: unknown } | null)?.instances;
    if (!Array.isArray(given)) {
      const issue = { path: "/instances", expected: "a list of rows", got: "nothing" };
      throw new Refusal(422, "/instances: expected a list of rows, got nothing", [issue]);
    }
    const rows = service.validator.rows(given.map((each) => named(each, service)));
    answer(rows, { service, reply, meters }, (predictions) => `{"predictions":[${predictions.join(",")}]}`);
  };
  const either: Handler = (request, reply) => {
    const { body } = request;
    const wrapped = typeof body === "object" && body !== null && "instances" in body;
    (wrapped ? instances : plain)(request, reply);
  };
  app.post(identity.route, plain);
  if (identity.route !== SAGEMAKER) app.post(SAGEMAKER, either);
  app.get("/ping", (_request, reply) => {
    mustBeReady();
    return reply.code(200).send();
  });
  addFirstProtocol(app, behind, instances);
  const { vertex } = platforms;
  if (vertex === undefined) return;
  if (vertex.predict !== identity.route) app.post(vertex.predict, either);
  app.get(vertex.health, () => {
    mustBeReady();
    return { ready: true };
  });
}

const SAGEMAKER = "/invocations";

/** KServe's protocol v1, which its SDK speaks when nothing else is said. */
function addFirstProtocol(app: FastifyInstance, { identity, mustBeReady }: Behind, instances: Handler): void {
  const { service } = identity;
  // Other names would be patterns of the router.
  if (!/^[\w.-]+$/.test(service)) return;
  app.get("/v1/models", () => ({ models: [service] }));
  app.get(`/v1/models/${service}`, () => {
    mustBeReady();
    return { name: service, ready: true };
  });
  app.post(`/v1/models/${service}::predict`, instances);
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => void;

/** Whose question it is, and where the answer goes. */
interface To {
  service: Service;
  reply: FastifyReply;
  meters: Meters;
}

function answer(rows: readonly Row[], to: To, form: Form): void {
  const { service, reply } = to;
  const gone = (): boolean => reply.raw.destroyed;
  service.decideThen(rows, gone, (error, decisions) => {
    if (error !== undefined) void reply.send(error);
    else send(decisions, to, form);
  });
}

/** It was asked before its connection came to node:http. */
function answerKept({ error, decisions, at }: Kept, to: To, form: Form): void {
  came(to.reply.request.raw, at);
  if (error !== undefined) void to.reply.send(error);
  else send(decisions, to, form);
}

function answerTensors({ feeds, single }: TensorBody, to: To): void {
  const { service, reply } = to;
  service
    .decideTensors(feeds, () => reply.raw.destroyed)
    .then((decisions) => send(decisions, to, single ? asOne : asList))
    .catch((error: unknown) => reply.send(error));
}

function send(decisions: readonly Decision[], { service, reply, meters }: To, form: Form): void {
  const { request } = reply;
  if (wantsCsv(request)) return void reply.type("text/csv; charset=utf-8").send(csvOf(decisions));
  const json = form(decisions.map(service.write));
  const plainly = service.schema.cors === undefined && packingFor(request, json.length) === undefined;
  if (plainly) sendQuickly(reply, json, meters);
  else void reply.type(JSON_TYPE).send(json);
}

/** SageMaker's own models answer CSV with CSV, unless another form is asked for. */
function wantsCsv({ headers, routeOptions }: FastifyRequest): boolean {
  const { accept } = headers;
  if (accept?.includes("text/csv") === true) return true;
  const isOpen = accept === undefined || accept.startsWith("*/*");
  return isOpen && headers["content-type"]?.startsWith("text/csv") === true && routeOptions.url === SAGEMAKER;
}

/** Past fastify's own way out, which costs as much as the model: what its hook does for other answers is done here. */
function sendQuickly(reply: FastifyReply, json: string, meters: Meters): void {
  meters.answered(reply.request.routeOptions.url ?? "none", 200, secondsSince(reply.request.raw));
  reply.hijack();
  const length = String(Buffer.byteLength(json));
  reply.raw.writeHead(200, ["content-type", JSON_TYPE, "content-length", length, "x-request-id", reply.request.id]);
  reply.raw.write(json);
  process.nextTick(() => reply.raw.end());
}

/** An instance without names is a row in the order of the features. */
function named(instance: unknown, service: Service): unknown {
  const { features } = service;
  if (!Array.isArray(instance) || instance.length !== features.length) return instance;
  const row: Row = {};
  for (const [index, feature] of features.entries()) row[feature.name] = instance[index];
  return row;
}
