import type http from "node:http";
import { askHealth, Http2Line, inHttpWords } from "drayage-keeper";
import { agentOver, ask, type Body, bodyOf, type Dial } from "../base/request.ts";
import type { Answer } from "../core/golden.ts";

/** One request to a replica. */
export interface Sent {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
}

/** Asks one replica over one connection, in what it speaks. */
export interface ReplicaLine {
  send(request: Sent, signal: AbortSignal): Promise<Answer>;
  /** What gRPC's health service says; undefined: the replica does not speak HTTP/2, where every server of gRPC has one. */
  health?: (host: string, signal: AbortSignal) => Promise<{ ready: boolean; said: string }>;
  close(): void;
}

/** A line over connections that `dial` opens. */
export function replicaLine(dial: Dial, protocol: "h2c" | undefined): ReplicaLine {
  return protocol === "h2c" ? lineOfHttp2(dial) : lineOfHttp(dial);
}

function lineOfHttp(dial: Dial): ReplicaLine {
  const agent = agentOver(dial, 1);
  return {
    send: async (request, signal) => {
      const startedAt = performance.now();
      const answer = await ask({ ...request, agent, signal });
      const { status, body } = await wholeAnswer(answer);
      return answerOf({ status, body }, answer.headers["content-type"], msSince(startedAt));
    },
    close: () => agent.destroy(),
  };
}

function lineOfHttp2(dial: Dial): ReplicaLine {
  const line = new Http2Line(dial);
  return {
    send: async (request, signal) => {
      const startedAt = performance.now();
      const answer = await line.ask(request, signal);
      const { status, body } = inHttpWords(answer);
      return answerOf({ status, body: bodyOf(body) }, answer.headers["content-type"], msSince(startedAt));
    },
    health: async (host, signal) => await askHealth(line, host, signal),
    close: () => line[Symbol.dispose](),
  };
}

/** To a tenth of a millisecond. */
const msSince = (startedAt: number): number => Math.round((performance.now() - startedAt) * 10) / 10;

/** What came over the wire, as golden requests know it. */
export function answerOf(
  { status, body: { text, sha256 } }: { status: number; body: Body },
  type: string | undefined,
  ms: number,
): Answer {
  return { status, body: text, ms, type: type ?? "", sha256 };
}

/** Reads an answer of HTTP/1.1 to its end; one that carries gRPC, which an edge may have made of HTTP/2, in HTTP's words. */
export async function wholeAnswer(answer: http.IncomingMessage): Promise<{ status: number; body: Body }> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  const { statusCode = 0, headers, trailers } = answer;
  const said = { status: statusCode, headers: plain(headers), trailers: plain(trailers), body: Buffer.concat(chunks) };
  const { status, body } = inHttpWords(said);
  return { status, body: bodyOf(body) };
}

function plain(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** A server of HTTP/2 alone says hello with a SETTINGS frame (RFC 9113, 6.5), which no answer of HTTP/1.1 begins like. */
export function isHttp2(error: unknown): boolean {
  const { code, rawPacket } = error as { code?: string; rawPacket?: Buffer };
  return code?.startsWith("HPE_") === true && rawPacket?.[3] === 4 && rawPacket.readUInt32BE(5) === 0;
}

/** What Node says when a server that was asked in HTTP/2 answers in something else. */
export function isNoHttp2(error: unknown): boolean {
  return (error as { code?: string }).code === "ERR_HTTP2_ERROR";
}
