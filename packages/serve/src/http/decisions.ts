import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../refusal.ts";
import type { Decision } from "../schema/decisions.ts";
import type { Row } from "../schema/validate.ts";
import type { Service } from "../service.ts";
import type { Identity } from "./openapi.ts";

/** What the platforms tell a container about the routes they will use. */
export interface Platforms {
  /** Vertex AI: AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE. */
  vertex?: { predict: string; health: string };
}

/**
 * The one handler, under every platform's name for it: our own route, Vertex's custom-container contract 1.0.0
 * (instances -> predictions) and SageMaker's (/invocations).
 */
export function addDecisions(
  app: FastifyInstance,
  identity: Identity,
  platforms: Platforms,
  ready: () => Service,
): void {
  const plain: Handler = (request, reply) => {
    const { body } = request;
    const rows = ready().validator.rows(body);
    answer(ready(), rows, reply, (decisions) => (Array.isArray(body) ? decisions : (decisions[0] ?? {})));
  };
  const instances: Handler = (request, reply) => {
    const service = ready();
    const given = (request.body as { instances?: unknown } | null)?.instances;
    if (!Array.isArray(given)) {
      const issue = { path: "/instances", expected: "a list of rows", got: "nothing" };
      throw new Refusal(422, "/instances: expected a list of rows, got nothing", [issue]);
    }
    const rows = service.validator.rows(given.map((each) => named(each, service)));
    answer(service, rows, reply, (predictions) => ({ predictions }));
  };
  const either: Handler = (request, reply) => {
    const { body } = request;
    const wrapped = typeof body === "object" && body !== null && "instances" in body;
    (wrapped ? instances : plain)(request, reply);
  };
  app.post(identity.route, plain);
  if (identity.route !== "/invocations") app.post("/invocations", either);
  app.get("/ping", (_request, reply) => {
    ready();
    return reply.code(200).send();
  });
  const { vertex } = platforms;
  if (vertex === undefined) return;
  if (vertex.predict !== identity.route) app.post(vertex.predict, either);
  app.get(vertex.health, () => {
    ready();
    return { ready: true };
  });
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => void;

function answer(
  service: Service,
  rows: readonly Row[],
  reply: FastifyReply,
  form: (decisions: Decision[]) => object,
): void {
  const gone = (): boolean => reply.raw.destroyed;
  service.decideThen(rows, gone, (error, decisions) => void reply.send(error ?? form(decisions)));
}

/** An instance without names is a row in the order of the features. */
function named(instance: unknown, service: Service): unknown {
  const { features } = service;
  if (!Array.isArray(instance) || instance.length !== features.length) return instance;
  const row: Row = {};
  for (const [index, feature] of features.entries()) row[feature.name] = instance[index];
  return row;
}
