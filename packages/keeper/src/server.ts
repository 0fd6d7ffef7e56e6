import { once } from "node:events";
import http from "node:http";
import type { Challenges } from "./certificates/acme.ts";

const PORT = 8080;
const PREFIX = "/.well-known/acme-challenge/";

/** Answers the CA's questions, which come through the edge. */
export async function serve(challenges: Challenges): Promise<http.Server> {
  const server = http.createServer((request, answer) => {
    const token = request.url?.startsWith(PREFIX) === true ? request.url.slice(PREFIX.length) : undefined;
    const said = token === undefined ? undefined : challenges.get(token);
    answer.writeHead(said === undefined ? 404 : 200, { "content-type": "text/plain" });
    answer.end(said ?? "the keeper has nothing here\n");
  });
  server.listen(PORT);
  await once(server, "listening");
  return server;
}
