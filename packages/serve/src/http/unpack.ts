import type { Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../refusal.ts";

/** What a client may call the two ways of packing; `deflate` is zlib's format, as RFC 9110 has it. */
const OPENERS: Partial<Record<string, () => ReturnType<typeof createGunzip>>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
};

/** Bodies that come packed are unpacked, up to the limit that holds for a body. */
export function addUnpacking(app: FastifyInstance, limit: number): void {
  app.addHook("preParsing", (request, _reply, payload, done) => {
    const encoding = request.headers["content-encoding"]?.trim().toLowerCase();
    if (encoding === undefined || encoding === "identity") return done(null, payload);
    const open = OPENERS[encoding];
    if (open === undefined)
      return done(new Refusal(415, `the body is packed as ${encoding.slice(0, 40)}; send gzip, deflate or nothing`));
    done(null, unpacked(payload, open(), limit));
  });
}

type Counted = Readable & { receivedEncodedLength?: number };

function unpacked(payload: Readable, opener: ReturnType<typeof createGunzip>, limit: number): Readable {
  const counted: Counted = opener;
  counted.receivedEncodedLength = 0;
  let length = 0;
  payload.on("data", (chunk: Buffer) => {
    counted.receivedEncodedLength = (counted.receivedEncodedLength ?? 0) + chunk.length;
  });
  opener.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length <= limit) return;
    // A kilobyte can unpack to a megabyte: what is over the limit is not even looked at.
    payload.unpipe(opener);
    opener.destroy();
  });
  // Whoever reads has heard enough by then, and an error that nobody listens to ends the process.
  opener.on("error", () => undefined);
  // pipeline() would close the connection, and nobody could be told why.
  payload.once("error", (error) => opener.destroy(error));
  payload.once("close", () => {
    if (!payload.readableEnded) opener.destroy();
  });
  return payload.pipe(opener);
}
