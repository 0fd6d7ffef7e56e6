import { httpStatusOf } from "drayage-record";
import type { Http2Answer, Http2Line } from "./line.ts";

const TYPE = "application/grpc";
/** A message's prefix: is it compressed, and its length in four bytes. */
const PREFIX = 5;
/** The question of every gRPC server's health (grpc.health.v1): of the server as a whole, which is an empty message. */
const HEALTH = "/grpc.health.v1.Health/Check";
/** `status: SERVING` as a message. */
const SERVING = Buffer.from([0x08, 0x01]);
const NO_SUCH_METHOD = 501;
const UNKNOWN = 2;

/** Is it gRPC, by its content type? */
export function isGrpc(type: string | undefined): boolean {
  return type?.toLowerCase().startsWith(TYPE) === true;
}

/** One message as it travels. */
export function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** An answer's messages without their prefixes, one after the other. */
function unframed(body: Buffer): Buffer {
  const messages: Buffer[] = [];
  for (let at = 0; at + PREFIX <= body.length;) {
    const end = at + PREFIX + body.readUInt32BE(at + 1);
    messages.push(body.subarray(at + PREFIX, end));
    at = end;
  }
  return Buffer.concat(messages);
}

/** An answer in HTTP's words: of gRPC the status that means the same, and the messages, or what it says instead. */
export function inHttpWords(answer: Omit<Http2Answer, "trailers"> & Partial<Pick<Http2Answer, "trailers">>): {
  status: number;
  body: Buffer;
} {
  const { status, headers, trailers = {}, body } = answer;
  if (status !== 200 || !isGrpc(headers["content-type"])) return { status, body };
  const said = trailers["grpc-status"] ?? headers["grpc-status"];
  const code = said === undefined ? UNKNOWN : Number(said);
  if (code === 0) return { status, body: unframed(body) };
  const why = trailers["grpc-message"] ?? headers["grpc-message"] ?? "";
  return { status: httpStatusOf(code), body: Buffer.from(`gRPC status ${code}: ${decoded(why)}`) };
}

/** gRPC's messages are percent-encoded; one that is not well encoded is shown as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a server is ready, and what it said. */
export interface Readiness {
  ready: boolean;
  status: number;
  said: string;
}

/**
 * Asks a gRPC server whether it serves. One without a health service that answers so, in gRPC or in HTTP, is ready: whoever
 * can say that it has no such method can be asked others. @throws what went wrong where nothing came
 */
export async function askHealth(line: Http2Line, host: string | undefined, signal: AbortSignal): Promise<Readiness> {
  const headers = { ...(host === undefined ? {} : { host }), "content-type": TYPE, te: "trailers" };
  const answer = await line.ask({ method: "POST", path: HEALTH, headers, body: framed(Buffer.alloc(0)) }, signal);
  const { status, body } = inHttpWords(answer);
  const serves = isGrpc(answer.headers["content-type"]) && status === 200;
  if (serves) return { ready: body.equals(SERVING), status, said: body.equals(SERVING) ? "SERVING" : "NOT_SERVING" };
  return { ready: status < 500 || status === NO_SUCH_METHOD, status, said: body.toString("utf8").slice(0, 120) };
}
