import { promisify } from "node:util";
import { constants, deflate, gzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";
import { addVary } from "./cors.ts";
import { isSmall } from "./form.ts";

const WAYS = { gzip: promisify(gzip), deflate: promisify(deflate) };

/** How the client wants a body of this length packed, if at all. */
export function packingFor(request: FastifyRequest, length: number): keyof typeof WAYS | undefined {
  const accepted = request.headers["accept-encoding"];
  if (isSmall(length) || accepted === undefined) return undefined;
  const names = accepted
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .filter((each) => !/;\s*q=0(?:\.0*)?$/.test(each))
    .map((each) => each.split(";")[0]);
  return (["gzip", "deflate"] as const).find((each) => names.includes(each));
}

/** Is there something that could be worth it? */
export function canPack(payload: unknown): payload is string | Buffer {
  return (typeof payload === "string" || Buffer.isBuffer(payload)) && !isSmall(payload.length);
}

/** Packs an answer where the client asked for it. */
export async function packed(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: string | Buffer,
): Promise<string | Buffer> {
  addVary(reply, "accept-encoding");
  const way = request.method === "HEAD" ? undefined : packingFor(request, payload.length);
  if (way === undefined) return payload;
  void reply.header("content-encoding", way).removeHeader("content-length");
  return await WAYS[way](payload, { level: constants.Z_BEST_SPEED });
}
