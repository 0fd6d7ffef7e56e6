import { createHash } from "node:crypto";
import http from "node:http";
import type { Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Node gives up on an answer's head at 16 KiB; the edge hands larger ones on, and so they are read here. */
const HEAD_BYTES = 65_536;

/** A way to open a connection to one server: a socket, or the pipes of a program. */
export type Dial = () => Promise<Duplex>;

/** An agent that gets its connections from `dial` and keeps them open between requests. */
export function agentOver(dial: Dial, maxSockets: number = Number.POSITIVE_INFINITY): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets });
  const open = (_options: unknown, done?: (error: Error | null, stream?: Duplex) => void): undefined => {
    dial().then(
      (stream) => done?.(null, stream),
      (error: unknown) => done?.(error instanceof Error ? error : new Error(String(error))),
    );
    return undefined;
  };
  // The agent takes a stream handed to its callback; the types know only the socket it may return.
  agent.createConnection = open as unknown as typeof agent.createConnection;
  return agent;
}

export interface Ask {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Instead of `body`, of a length nobody knows yet. */
  stream?: Readable;
  signal: AbortSignal;
  /** Where to: an agent that dials, or a host and port. */
  agent?: http.Agent;
  host?: string;
  port?: number;
}

/** The one place that sends HTTP requests: resolves when the head of the answer is there. */
export async function ask(request: Ask): Promise<http.IncomingMessage> {
  const { body, stream, headers = {}, ...rest } = request;
  return await new Promise((resolve, reject) => {
    const message = http.request({
      ...rest,
      maxHeaderSize: HEAD_BYTES,
      headers: {
        host: "localhost",
        ...headers,
        ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
      },
    });
    message.once("response", resolve);
    message.once("error", reject);
    if (stream === undefined) message.end(body);
    else pipeline(stream, message).catch(reject);
  });
}

/** A connection that the server agreed to hand over (HTTP 101 or Docker's hijack), with what it already sent. */
export async function hijack(request: Ask): Promise<Duplex> {
  const { body = "", headers = {}, ...rest } = request;
  return await new Promise((resolve, reject) => {
    const message = http.request({
      ...rest,
      maxHeaderSize: HEAD_BYTES,
      headers: {
        host: "localhost",
        ...headers,
        connection: "Upgrade",
        upgrade: "tcp",
        "content-length": String(Buffer.byteLength(body)),
      },
    });
    message.once("upgrade", (_answer, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    message.once("response", (answer) => {
      text(answer).then(
        (said) => reject(new Error(`the connection was not handed over: ${answer.statusCode} ${said}`)),
        reject,
      );
    });
    message.once("error", reject);
    message.end(body);
  });
}

/** A body that came, as text and as what it weighs. */
export interface Body {
  text: string;
  bytes: number;
  /** In hex. */
  sha256: string;
  /** As it came. */
  raw: Uint8Array;
}

/** Reads an answer to its end, whatever it is. */
export async function wholeBody(answer: AsyncIterable<unknown>): Promise<Body> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return bodyOf(Buffer.concat(chunks));
}

/** What bytes that came are. */
export function bodyOf(all: Buffer): Body {
  return {
    text: all.toString("utf8"),
    bytes: all.length,
    sha256: createHash("sha256").update(all).digest("hex"),
    raw: all,
  };
}

/** Reads an answer to its end as text. */
export async function text(answer: http.IncomingMessage): Promise<string> {
  answer.setEncoding("utf8");
  let all = "";
  for await (const chunk of answer) all += chunk as string;
  return all;
}
