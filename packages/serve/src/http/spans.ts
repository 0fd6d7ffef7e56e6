import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { postSpans, sampledIn, SpanQueue } from "drayage-record";
import { secondsSince } from "./arrival.ts";

/** Spans are sent so often. */
const EVERY_MS = 1000;
/** Bytes of a span's id (W3C Trace Context, 3.2.2.4). */
const ID_BYTES = 8;

/** OpenTelemetry's own variables, as far as this server knows them. */
export interface Tracing {
  endpoint: string;
  service: string;
}

/** What the environment says of traces; undefined: nobody is told of any. */
export function tracingOf(env: NodeJS.ProcessEnv, service: string): Tracing | undefined {
  const endpoint = env["OTEL_EXPORTER_OTLP_ENDPOINT"];
  if (endpoint === undefined || !URL.canParse(endpoint)) return undefined;
  return { endpoint, service: env["OTEL_SERVICE_NAME"] ?? service };
}

/** Tells a collector of requests that somebody before this server has begun to trace; of others it costs a look at a header. */
export function addSpans(app: FastifyInstance, { endpoint, service }: Tracing, log: Logger): void {
  const queue = new SpanQueue(
    service,
    (body) => postSpans(endpoint, body),
    (error, count) => log.warn({ said: String(error), count }, "spans were lost"),
  );
  app.addHook("onRequest", (request, reply, done) => {
    const { traceparent } = request.headers;
    const parent = sampledIn(typeof traceparent === "string" ? traceparent : undefined);
    if (parent !== undefined)
      reply.raw.once("close", () => queue.add({ ...parent, ...spanOf(request, reply.raw.statusCode) }));
    done();
  });
  const timer = setInterval(() => void queue.flush(), EVERY_MS);
  timer.unref();
  app.addHook("onClose", async () => {
    clearInterval(timer);
    await queue.flush();
  });
}

function spanOf(request: FastifyRequest, status: number): Omit<Parameters<SpanQueue["add"]>[0], "traceId"> {
  const endMs = Date.now();
  const route = request.routeOptions.url ?? "none";
  return {
    spanId: randomBytes(ID_BYTES).toString("hex"),
    name: `${request.method} ${route}`,
    startMs: endMs - secondsSince(request.raw) * 1000,
    endMs,
    attributes: { "http.request.method": request.method, "http.route": route, "http.response.status_code": status },
    failed: status >= 500,
  };
}
