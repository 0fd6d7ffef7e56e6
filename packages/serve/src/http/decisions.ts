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
  const plain = async (request: FastifyRequest, reply: FastifyReply): Promise<Decision | Decision[]> => {
    const service = ready();
    const { body } = request;
    const rows = service.validator.rows(body);
    const decisions = await service.ask(rows, () => reply.raw.destroyed);
    return Array.isArray(body) ? decisions : (decisions[0] ?? {});
  };
  const instances = async (request: FastifyRequest, reply: FastifyReply): Promise<object> => {
    const service = ready();
    const given = (request.body as { instances?: unknown } | null)?.instances;
    if (!Array.isArray(given))
      throw new Refusal(422, "/instances: expected a list, got nothing", [
        { path: "/instances", expected: "a list of rows", got: "nothing" },
      ]);
    const rows = service.validator.rows(given.map((each) => named(each, service)));
    return { predictions: await service.ask(rows, () => reply.raw.destroyed) };
  };
  const either = async (request: FastifyRequest, reply: FastifyReply): Promise<object> => {
    const { body } = request;
    const wrapped = typeof body === "object" && body !== null && "instances" in body;
    return wrapped ? await instances(request, reply) : await plain(request, reply);
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

/** An instance without names is a row in the order of the features. */
function named(instance: unknown, service: Service): unknown {
  const { features } = service;
  if (!Array.isArray(instance) || instance.length !== features.length) return instance;
  const row: Row = {};
  for (const [index, feature] of features.entries()) row[feature.name] = instance[index];
  return row;
}
