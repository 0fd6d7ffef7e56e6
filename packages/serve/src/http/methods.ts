import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { Refusal } from "../refusal.ts";

/** Notes which methods each address has, from now on; the result gives all others a 405 with `allow`. */
export function otherMethods(
  app: FastifyInstance,
  preflight: (request: FastifyRequest, reply: FastifyReply) => boolean,
): () => void {
  const known = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = known.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    known.set(url, methods);
  });
  return () => {
    // Fastify knows an address again only when it has it: the routes of the others come after all.
    for (const [url, methods] of known) {
      const allow = [...methods].toSorted().join(", ");
      const others = app.supportedMethods.filter((method) => !methods.has(method)) as HTTPMethods[];
      app.route({
        method: others,
        url,
        // Before the body is read: it is nobody's.
        onRequest: (request, reply, done) => {
          if (request.method === "OPTIONS" && preflight(request, reply)) return;
          void reply.header("allow", allow);
          if (request.method === "OPTIONS") void reply.code(204).send();
          else done(new Refusal(405, `there is no ${request.method} here, but ${allow}`));
        },
        handler: () => undefined,
      });
    }
  };
}
