import type { FastifyReply, FastifyRequest } from "fastify";

const ASKED = /^[\w\-, ]{1,500}$/;

/**
 * The headers that let a page of another origin read the answer, where schema.yaml's `cors` names that origin or `*`;
 * with what a browser asks before it sends anything but a plain form.
 */
export function corsHeaders(
  allowed: readonly string[] | undefined,
  request: FastifyRequest,
): Record<string, string> | undefined {
  const { origin } = request.headers;
  if (allowed === undefined || origin === undefined) return undefined;
  const all = allowed.includes("*");
  if (!all && !allowed.includes(origin)) return undefined;
  return {
    "access-control-allow-origin": all ? "*" : origin,
    "access-control-expose-headers": "x-request-id, retry-after, inference-header-content-length",
    ...(request.method === "OPTIONS" ? preflight(request) : {}),
  };
}

function preflight(request: FastifyRequest): Record<string, string> {
  const asked = request.headers["access-control-request-headers"];
  return {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": typeof asked === "string" && ASKED.test(asked) ? asked : "content-type",
    "access-control-max-age": "600",
  };
}

/** Caches must keep the answers to different origins, and packings, apart. */
export function addVary(reply: FastifyReply, name: string): void {
  const known = reply.getHeader("vary");
  void reply.header("vary", known === undefined ? name : `${String(known)}, ${name}`);
}
