import http2 from "node:http2";
import type { Duplex } from "node:stream";
import type { OutgoingHttpHeaders } from "node:http";

/** More than any answer that is looked at. */
const MOST_BYTES = 1_000_000;
/** Headers of HTTP/1.1 that HTTP/2 has none of (RFC 9113, 8.2.2), and the one that it has in another form. */
const NOT_SENT = new Set(["host", "connection", "transfer-encoding", "keep-alive", "upgrade"]);

/** What HTTP/2 is asked. */
export interface Http2Question {
  method: string;
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: Uint8Array;
}

/** What came: headers and trailers by their names in lower-case letters. */
export interface Http2Answer {
  status: number;
  headers: Record<string, string>;
  trailers: Record<string, string>;
  body: Buffer;
}

/**
 * Asks a server that speaks HTTP/2 from the first byte, without TLS (RFC 9113, 3.3), over one connection for all questions;
 * a new one where that has ended.
 */
export class Http2Line implements Disposable {
  readonly #dial: () => Promise<Duplex>;
  #session: http2.ClientHttp2Session | undefined;

  constructor(dial: () => Promise<Duplex>) {
    this.#dial = dial;
  }

  /** @throws what went wrong; also where the server speaks something else */
  async ask(question: Http2Question, signal: AbortSignal): Promise<Http2Answer> {
    const session = await this.#open();
    const stream = session.request(headersOf(question), { signal, endStream: question.body === undefined });
    let fail: (error?: Error) => void = () => undefined;
    const broken = new Promise<never>((_resolve, reject) => {
      fail = (error = new Error("the connection was closed")) => reject(error);
      session.once("error", fail);
      session.once("close", fail);
    });
    try {
      const answer = read(stream);
      if (question.body !== undefined) stream.end(question.body);
      return await Promise.race([answer, broken]);
    } finally {
      session.off("error", fail);
      session.off("close", fail);
    }
  }

  async #open(): Promise<http2.ClientHttp2Session> {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const connection = await this.#dial();
    const session = http2.connect("http://replica", { createConnection: () => connection });
    session.setMaxListeners(0);
    // Who asks hears of it; a session that nobody asks may end as it likes.
    session.on("error", () => undefined);
    this.#session = session;
    return session;
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }
}

function headersOf({ method, path, headers = {} }: Http2Question): http2.OutgoingHttpHeaders {
  const sent = Object.entries(headers).filter(([name]) => !NOT_SENT.has(name.toLowerCase()));
  const authority = Object.entries(headers).find(([name]) => name.toLowerCase() === "host")?.[1];
  return {
    ":method": method,
    ":path": path,
    ":authority": String(authority ?? "localhost"),
    ...Object.fromEntries(sent),
  };
}

async function read(stream: http2.ClientHttp2Stream): Promise<Http2Answer> {
  const answer: Http2Answer = { status: 0, headers: {}, trailers: {}, body: Buffer.alloc(0) };
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.once("response", (headers) => {
    answer.status = headers[":status"] ?? 0;
    answer.headers = plain(headers);
  });
  stream.once("trailers", (trailers) => (answer.trailers = plain(trailers)));
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > MOST_BYTES) stream.destroy(new Error(`an answer of more than ${MOST_BYTES} bytes`));
  });
  return await new Promise((resolve, reject) => {
    stream.once("error", reject);
    stream.once("close", () => {
      if (answer.status === 0) reject(new Error(`no answer: the server ended the request with code ${stream.rstCode}`));
      else resolve({ ...answer, body: Buffer.concat(chunks) });
    });
  });
}

function plain(headers: http2.IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      name.startsWith(":") || value === undefined ? [] : [[name, String(value)]],
    ),
  );
}
