import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../refusal.ts";
import type { Row } from "../schema/validate.ts";
import type { Service } from "../service.ts";
import { secondsSince } from "./arrival.ts";
import type { Meters } from "./metrics.ts";
import type { Behind } from "./behind.ts";

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
  { identity, loaded, mustBeReady }: Behind,
  platforms: Platforms,
  meters: Meters,
): void {
  const plain: Handler = (request, reply) => {
    const { body } = request;
    const rows = loaded().validator.rows(body);
    answer(loaded(), rows, reply, meters, (decisions) =>
      Array.isArray(body) ? `[${decisions.join(",")}]` : (decisions[0] ?? "{}"),
    );
  };
  const instances: Handler = (request, reply) => {
    const service = loaded();
    const given = (request.body as { instances?: unknown } | null)?.instances;
    if (!Array.isArray(given)) {
      const issue = { path: "/instances", expected: "a list of rows", got: "nothing" };
      throw new Refusal(422, "/instances: expected a list of rows, got nothing", [issue]);
    }
    const rows = service.validator.rows(given.map((each) => named(each, service)));
    answer(service, rows, reply, meters, (predictions) => `{"predictions":[${predictions.join(",")}]}`);
  };
  const either: Handler = (request, reply) => {
    const { body } = request;
    const wrapped = typeof body === "object" && body !== null && "instances" in body;
    (wrapped ? instances : plain)(request, reply);
  };
  app.post(identity.route, plain);
  if (identity.route !== "/invocations") app.post("/invocations", either);
  app.get("/ping", (_request, reply) => {
    mustBeReady();
    return reply.code(200).send();
  });
  const { vertex } = platforms;
  if (vertex === undefined) return;
  if (vertex.predict !== identity.route) app.post(vertex.predict, either);
  app.get(vertex.health, () => {
    mustBeReady();
    return { ready: true };
  });
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => void;

function answer(
  service: Service,
  rows: readonly Row[],
  reply: FastifyReply,
  meters: Meters,
  form: (decisions: readonly string[]) => string,
): void {
  const gone = (): boolean => reply.raw.destroyed;
  service.decideThen(rows, gone, (error, decisions) => {
    if (error !== undefined) void reply.send(error);
    else sendQuickly(reply, form(decisions.map(service.write)), meters);
  });
}

/** Past fastify's own way out, which costs as much as the model: what its hook does for other answers is done here. */
function sendQuickly(reply: FastifyReply, json: string, meters: Meters): void {
  meters.answered(reply.request.routeOptions.url ?? "none", 200, secondsSince(reply.request.raw));
  reply.hijack();
  const length = String(Buffer.byteLength(json));
  const type = "application/json; charset=utf-8";
  reply.raw.writeHead(200, ["content-type", type, "content-length", length, "x-request-id", reply.request.id]);
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
