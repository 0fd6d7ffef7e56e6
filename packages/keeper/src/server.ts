import { once } from "node:events";
import http from "node:http";
import type { Challenges } from "./certificates/acme.ts";
import { LISTEN } from "./listen.ts";
import type { Numbers } from "./numbers/numbers.ts";
import type { Prometheus } from "./numbers/prometheus.ts";

const PORT = 8080;
const PREFIX = "/.well-known/acme-challenge/";
const MINUTES_15_S = 900;

/** What the keeper answers from. */
export interface Sources {
  challenges: Challenges;
  numbers: Numbers;
  prometheus: Prometheus;
}

/** Answers the CA's questions, which come through the edge; and, to dray and Prometheus, what it counted. */
export async function serve(sources: Sources): Promise<http.Server> {
  const server = http.createServer((request, answer) => {
    void reply(new URL(request.url ?? "/", "http://keeper"), sources, answer).catch(() => answer.destroy());
  });
  server.listen(PORT, LISTEN);
  await once(server, "listening");
  return server;
}

async function reply(url: URL, sources: Sources, answer: http.ServerResponse): Promise<void> {
  const [type, body] = await found(url, sources);
  answer.writeHead(body === undefined ? 404 : 200, { "content-type": type });
  answer.end(body ?? "the keeper has nothing here\n");
}

async function found(url: URL, sources: Sources): Promise<[type: string, body: string | undefined]> {
  if (url.pathname.startsWith(PREFIX)) return ["text/plain", sources.challenges.get(url.pathname.slice(PREFIX.length))];
  if (url.pathname === "/.dray/metrics") return ["text/plain; version=0.0.4", await sources.prometheus.text()];
  if (url.pathname !== "/numbers") return ["text/plain", undefined];
  const since = Number(url.searchParams.get("since") ?? MINUTES_15_S);
  return ["application/json", JSON.stringify(await sources.numbers.since(since))];
}
