import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { Refusal } from "../refusal.ts";
import type { Service } from "../service.ts";
import type { Behind } from "./behind.ts";
import { addDecisions, type Platforms } from "./decisions.ts";
import { came, secondsSince } from "./arrival.ts";
import type { Meters } from "./metrics.ts";
import { type Identity, openApi } from "./openapi.ts";
import { addDocs, greeting, greetingPage } from "./pages.ts";
import { addProtocolV2 } from "./protocol-v2.ts";

export interface ServerOptions {
  identity: Identity;
  platforms: Platforms;
  meters: Meters;
  /** Prometheus text of the whole process group. */
  metrics: () => Promise<string>;
  /** Bytes of a request. */
  bodyLimit: number;
  log: Logger;
}

export interface Server {
  app: FastifyInstance;
  /** Gives it its service, once that is loaded and warm: requests are answered from now on. */
  serve(service: Service): void;
  /** From now on it says that it is ready, to whoever asks before sending requests. */
  ready(): void;
}

/** What a caller may send as its own id: it is repeated in headers and logs. */
const REQUEST_ID = /^[\w.:-]{1,128}$/;

export function makeServer(options: ServerOptions): Server {
  const { identity, meters } = options;
  let count = 0;
  const start = Date.now().toString(36) + process.pid.toString(36);
  const app = Fastify({
    bodyLimit: options.bodyLimit,
    // Fastify's own logger watches the end of every answer; the few lines that are ever written do not need that.
    logger: false,
    forceCloseConnections: "idle",
    // While closing, what is on an open connection is still answered.
    return503OnClosing: false,
    // The first thing that is done with a request, and so the place to note when it came.
    genReqId: (raw) => {
      came(raw);
      const given = raw.headers["x-request-id"];
      return typeof given === "string" && REQUEST_ID.test(given) ? given : `${start}-${(count++).toString(36)}`;
    },
    // Keys such as __proto__ are refused by the schemas; searching every body for them costs as much as parsing it.
    onProtoPoisoning: "ignore",
    onConstructorPoisoning: "ignore",
    routerOptions: { maxParamLength: 200 },
  });
  // Only JSON is taken: fastify would hand text on as it is.
  app.removeContentTypeParser("text/plain");
  let service: Service | undefined;
  let isReady = false;
  const loaded = (): Service => {
    if (service === undefined) throw new Refusal(503, "the model is being loaded");
    return service;
  };
  const mustBeReady = (): void => {
    if (!isReady) throw new Refusal(503, "the model is being loaded");
  };
  app.addHook("onSend", (request, reply, payload, done) => {
    void reply.header("x-request-id", request.id);
    meters.answered(request.routeOptions.url ?? "none", reply.statusCode, secondsSince(request.raw));
    done(null, payload);
  });
  app.setErrorHandler((error: FastifyError | Refusal, request, reply) => refuse(error, request, reply, options.log));
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({
      error: { message: `there is no ${request.method} here; /docs lists what there is` },
      requestId: request.id,
    });
  });
  app.get("/", (request, reply) => {
    const wantsPage = request.headers.accept?.includes("text/html") === true;
    if (!wantsPage) return greeting(loaded(), identity);
    return reply.type("text/html; charset=utf-8").send(greetingPage(loaded(), identity, request.host));
  });
  let document: object | undefined;
  app.get("/openapi.json", () => (document ??= openApi(loaded(), identity)));
  app.get("/health/live", () => ({ live: true }));
  app.get("/health/ready", () => {
    mustBeReady();
    return { ready: true };
  });
  app.get(
    "/metrics",
    async (_request, reply) => await reply.type(meters.registry.contentType).send(await options.metrics()),
  );
  addDocs(app);
  const behind: Behind = { identity, loaded, mustBeReady };
  addDecisions(app, behind, options.platforms, meters);
  addProtocolV2(app, behind);
  return {
    app,
    serve: (next) => {
      service = next;
      document = undefined;
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

/** Every error as JSON; only what is nobody's fault but ours is a 500, and only that is logged. */
function refuse(error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply, log: Logger): void {
  const status = error instanceof Refusal ? error.status : (error.statusCode ?? 500);
  if (status >= 500 && status !== 503 && status !== 504)
    log.error({ err: error, requestId: request.id }, "a request failed");
  if (status === 429 || status === 503) void reply.header("retry-after", "1");
  const message = status >= 500 && !(error instanceof Refusal) ? "the server failed; its log says why" : error.message;
  const v2 = request.url.startsWith("/v2/");
  const issues = error instanceof Refusal && error.issues.length > 0 ? { issues: error.issues } : {};
  void reply.code(status).send(v2 ? { error: message } : { error: { message, ...issues }, requestId: request.id });
}
