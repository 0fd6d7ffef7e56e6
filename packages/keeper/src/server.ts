import { once } from "node:events";
import http from "node:http";
import pLimit from "p-limit";
import type { Challenges } from "./certificates/acme.ts";
import { LISTEN } from "./listen.ts";
import type { Numbers } from "./numbers/numbers.ts";
import type { Prometheus } from "./numbers/prometheus.ts";

const PORT = 8080;
const PREFIX = "/.well-known/acme-challenge/";
/** With the service as the edge says it, in the query: an older keeper, which a newer edge may have for a while, reads none. */
const NUMBERS = "/.dray/metrics";
const MINUTES_15_S = 900;
const MONTH_S = 31 * 86_400;
/** The edge, which is the only one who asks, takes no more connections than this. */
const MOST_CONNECTIONS = 256;
/** For a whole request to come: none of them has a body. */
const PATIENCE_MS = 10_000;

/** What the keeper answers from. */
export interface Sources {
  challenges: Challenges;
  numbers: Numbers;
  prometheus: Prometheus;
}

/** Answers the CA's questions, which come through the edge; and, to dray and Prometheus, what it counted. */
export async function serve(sources: Sources, port: number = PORT): Promise<http.Server> {
  const oneByOne = pLimit(1);
  const patience = { headersTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS };
  const server = http.createServer(patience, (request, answer) => {
    // A stranger's request must not be able to end more than itself.
    reply(request, sources, answer, oneByOne).catch(() => answer.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(port, LISTEN);
  await once(server, "listening");
  return server;
}

/** Path and query of a request in origin form (RFC 9112, 3.2.1); undefined for any other form, which nobody needs here. */
export function targetOf(url: string = ""): { path: string; query: URLSearchParams } | undefined {
  if (!url.startsWith("/")) return undefined;
  const [path = "", query] = url.split("?", 2);
  return { path, query: new URLSearchParams(query) };
}

type Limit = ReturnType<typeof pLimit>;

async function reply(
  request: http.IncomingMessage,
  sources: Sources,
  answer: http.ServerResponse,
  oneByOne: Limit,
): Promise<void> {
  request.resume();
  const target = targetOf(request.url);
  if (target === undefined) return void answer.writeHead(400).end("a path is expected\n");
  const { path, query } = target;
  const service = query.get("service");
  if (path === NUMBERS && service !== null)
    return say(answer, await sources.prometheus.text(service), "text/plain; version=0.0.4");
  if (path === "/numbers") return say(answer, await oneByOne(() => rows(query, sources)), "application/json");
  const token = path.startsWith(PREFIX) ? path.slice(PREFIX.length) : undefined;
  say(answer, token === undefined ? undefined : sources.challenges.get(token), "text/plain");
}

function say(answer: http.ServerResponse, body: string | undefined, type: string): void {
  answer.writeHead(body === undefined ? 404 : 200, { "content-type": body === undefined ? "text/plain" : type });
  answer.end(body ?? "the keeper has nothing here\n");
}

/** A month of them is read from the disk: one after the other, however many ask. */
async function rows(query: URLSearchParams, { numbers }: Sources): Promise<string> {
  const since = Number(query.get("since") ?? MINUTES_15_S);
  return JSON.stringify(await numbers.since(Number.isFinite(since) ? Math.min(since, MONTH_S) : MINUTES_15_S));
}
