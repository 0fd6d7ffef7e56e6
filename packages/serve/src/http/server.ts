import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";
import type { Service } from "../service.ts";
import type { Behind } from "./behind.ts";
import { ACCEPTED, addBodies } from "./bodies.ts";
import { addVary, corsHeaders } from "./cors.ts";
import { addDecisions, type Platforms } from "./decisions.ts";
import { came, secondsSince } from "./arrival.ts";
import { type IdFor, requestIds } from "./ids.ts";
import { otherMethods } from "./methods.ts";
import type { Meters } from "./metrics.ts";
import { type Identity, openApi } from "./openapi.ts";
import { canPack, packed } from "./pack.ts";
import { addDocs, greeting, GREETING_HEADERS, greetingPage, addressOf } from "./pages.ts";
import { addSpans, type Tracing } from "./spans.ts";
import { addUnpacking } from "./unpack.ts";
import { addProtocolV2, isV2 } from "./v2/routes.ts";
import { openWire, type Wire } from "../wire/open.ts";

export interface ServerOptions {
  identity: Identity;
  platforms: Platforms;
  meters: Meters;
  /** Prometheus text of the whole process group. */
  metrics: () => Promise<string>;
  /** Bytes of a request. */
  bodyLimit: number;
  log: Logger;
  /** Where spans of traced requests go; undefined: nowhere. */
  tracing: Tracing | undefined;
  /** Are rows that come as most clients send them read past node:http? */
  fast: boolean;
}

export interface Server {
  app: FastifyInstance;
  /** Gives it its service, once that is loaded and warm: requests are answered from now on. */
  serve(service: Service): void;
  /** From now on it says that it is ready, to whoever asks before sending requests. */
  ready(): void;
}

/** For a request to come whole; without an edge before it, who sends without end would hold a connection for ever. */
const WHOLE_MS = 60_000;

export function makeServer(options: ServerOptions): Server {
  const { identity, meters } = options;
  const idFor = requestIds();
  const app = fastify(options, idFor);
  let service: Service | undefined;
  let isReady = false;
  const behind: Behind = {
    identity,
    loaded: () => {
      if (service === undefined) throw new Refusal(503, "the model is being loaded");
      return service;
    },
    mustBeReady: () => {
      if (!isReady) throw new Refusal(503, "the model is being loaded");
    },
    isReady: () => isReady,
    metrics: options.metrics,
  };
  const origins = (): readonly string[] | undefined => service?.schema.cors;
  if (options.tracing !== undefined) addSpans(app, options.tracing, options.log);
  addHooks(app, options, origins);
  const addOtherMethods = otherMethods(app, (request, reply) => {
    const headers = corsHeaders(origins(), request);
    if (headers !== undefined) void reply.code(204).send();
    return headers !== undefined;
  });
  const describe = once(() => openApi(behind.loaded(), identity));
  addOwnRoutes(app, behind, { meters, describe });
  addDocs(app);
  addBodies(app, behind.loaded, options.bodyLimit);
  addDecisions(app, behind, options.platforms, meters);
  addProtocolV2(app, behind);
  void app.after(addOtherMethods);
  if (options.fast)
    openWire(
      app,
      wireOf(options, () => service, idFor),
    );
  return {
    app,
    serve: (next) => {
      service = next;
      describe.forget();
      meters.serving({ digest: next.model.digest, producer: next.model.prepared.producer }, () => ({
        waiting: next.batcher.waiting,
        running: next.batcher.running,
      }));
    },
    ready: () => {
      isReady = true;
    },
  };
}

function wireOf(options: ServerOptions, service: () => Service | undefined, idFor: IdFor): Wire {
  const { identity, bodyLimit, tracing, meters, log } = options;
  const { route } = identity;
  return {
    route,
    bodyLimit,
    traced: tracing !== undefined,
    service,
    idFor,
    answered: (code, seconds) => meters.answered(route, code, seconds),
    failed: (error, id) => logFailure(log, error, id),
  };
}

function logFailure(log: Logger, error: Error, requestId: string): void {
  log.error({ err: error, requestId }, "a request failed");
}

function fastify(options: ServerOptions, idFor: IdFor): FastifyInstance {
  return Fastify({
    bodyLimit: options.bodyLimit,
    // Fastify's own logger watches the end of every answer; the few lines that are ever written do not need that.
    logger: false,
    forceCloseConnections: "idle",
    requestTimeout: WHOLE_MS,
    // While closing, what is on an open connection is still answered.
    return503OnClosing: false,
    // The first thing that is done with a request, and so the place to note when it came.
    genReqId: (raw) => {
      came(raw);
      return idFor(raw.headers["x-request-id"]);
    },
    // Keys such as __proto__ are refused by the schemas; searching every body for them costs as much as parsing it.
    onProtoPoisoning: "ignore",
    onConstructorPoisoning: "ignore",
    frameworkErrors: (error, request, reply) => refuse(error, request, reply, options),
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
  });
}

function addHooks(app: FastifyInstance, options: ServerOptions, origins: () => readonly string[] | undefined): void {
  const { meters, bodyLimit } = options;
  app.addHook("onSend", (request, reply, payload, done) => {
    void reply.header("x-request-id", request.id).header("x-content-type-options", "nosniff");
    if (origins() !== undefined) {
      addVary(reply, "origin");
      void reply.headers(corsHeaders(origins(), request) ?? {});
    }
    meters.answered(request.routeOptions.url ?? "none", reply.statusCode, secondsSince(request.raw));
    if (!canPack(payload)) return done(null, payload);
    packed(request, reply, payload).then(
      (smaller) => done(null, smaller),
      (error: unknown) => done(error as Error),
    );
  });
  addUnpacking(app, bodyLimit);
  app.setErrorHandler((error: FastifyError | Refusal, request, reply) => refuse(error, request, reply, options));
  app.setNotFoundHandler((request, reply) => {
    const missing = new Refusal(404, `there is no ${request.url.slice(0, 200)} here; /docs lists what there is`);
    refuse(missing, request, reply, options);
  });
}

interface Pages {
  meters: Meters;
  describe: () => object;
}

function addOwnRoutes(app: FastifyInstance, behind: Behind, { meters, describe }: Pages): void {
  const { identity, loaded, mustBeReady, metrics } = behind;
  app.get("/", (request, reply) => {
    void reply.header("vary", "accept");
    const wantsPage = request.headers.accept?.includes("text/html") === true;
    if (!wantsPage) return greeting(loaded(), identity);
    const page = greetingPage(loaded(), identity, addressOf(request));
    return reply.type("text/html; charset=utf-8").headers(GREETING_HEADERS).send(page);
  });
  app.get("/openapi.json", () => describe());
  app.get("/health/live", () => ({ live: true }));
  app.get("/health/ready", () => {
    mustBeReady();
    return { ready: true };
  });
  app.get("/metrics", async (request, reply) => {
    // A proxy that keeps this path to itself knows one spelling of it, and a router knows many.
    if (!/^\/metrics(?:\?|$)/.test(request.raw.url ?? ""))
      throw new Refusal(404, "the numbers are at /metrics, spelt like this");
    return await reply.type(meters.registry.contentType).send(await metrics());
  });
}

/** Made when it is first asked for, and again when it was forgotten. */
function once<T>(make: () => T): { (): T; forget(): void } {
  let made: T | undefined;
  return Object.assign(() => (made ??= make()), { forget: () => void (made = undefined) });
}

/** Every error as JSON; only what is nobody's fault but ours is a 500, and only that is logged. */
function refuse(
  error: FastifyError | Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, bodyLimit }: ServerOptions,
): void {
  const status = error instanceof Refusal ? error.status : (error.statusCode ?? 500);
  if (status >= 500 && status !== 503 && status !== 504) logFailure(log, error, request.id);
  if (status === 429 || status === 503) void reply.header("retry-after", "1");
  const message = messageOf(error, status, bodyLimit);
  const issues = error instanceof Refusal && error.issues.length > 0 ? { issues: error.issues } : {};
  void reply.code(status);
  // KServe's SDK reads the text of an error only where the type is this and nothing more; to a text fastify would add more.
  if (isV2(request.url)) void reply.type("application/json").send(Buffer.from(JSON.stringify({ error: message })));
  else void reply.send({ error: { message, ...issues }, requestId: request.id });
}

function messageOf(error: FastifyError | Refusal, status: number, bodyLimit: number): string {
  if (error instanceof Refusal) return error.message;
  if (status === 413) return `the body is larger than ${bodyLimit} bytes, packed or unpacked`;
  if (status === 415) return `the content type is not one; ${ACCEPTED}`;
  return status >= 500 ? "the server failed; its log says why" : error.message;
}
