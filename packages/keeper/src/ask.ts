import http from "node:http";
import { deadline } from "drayage-clock";

/** More than any answer that is compared. */
const MOST_BYTES = 1_000_000;

/** Of an answer's head. Node gives up at 16 KiB; the edge hands larger ones on, and whoever sends them is not ill. */
export const HEAD_BYTES = 65_536;

/** A replica, by the address that dray gave it. */
export interface Replica {
  address: string;
  port: number;
}

export interface Question {
  method: string;
  /** Path and query, sent as they are: no part of them is ever read as a host. */
  path: string;
  headers?: http.OutgoingHttpHeaders;
  body?: Buffer | string;
}

export interface Answer {
  status: number;
  /** Until the head came. */
  ms: number;
  body: Buffer;
  /** Its content type, where it says one. */
  type?: string;
}

interface Limits {
  /** For all of it. */
  withinMs: number;
  agent?: http.Agent;
}

/**
 * Asks a replica, and takes 1 MB of its answer at most, in so many milliseconds at most: the replica may be anybody's
 * code. @throws Error that says what came instead of an answer
 */
export async function ask({ address, port }: Replica, question: Question, limits: Limits): Promise<Answer> {
  const { method, path, headers = {}, body } = question;
  const { agent = false } = limits;
  const startedAt = performance.now();
  using limit = deadline(limits.withinMs);
  const { signal } = limit;
  const request = http.request({
    host: address,
    port,
    method,
    path,
    headers,
    agent,
    signal,
    maxHeaderSize: HEAD_BYTES,
  });
  try {
    return await new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error("the connection was closed"));
      request.on("error", reject);
      // Also what is no answer of the usual kind ends so: an upgrade that nobody asked for, a tunnel.
      request.once("close", gone);
      request.once("response", (incoming) => {
        request.off("close", gone);
        const ms = performance.now() - startedAt;
        collect(incoming).then(
          (collected) => resolve({ status: incoming.statusCode ?? 0, ms, body: collected, ...typeOf(incoming) }),
          (error: unknown) => {
            request.destroy();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
      request.end(body);
    });
  } catch (error) {
    throw signal.aborted ? new Error(`no answer in ${limits.withinMs} ms`, { cause: error }) : error;
  }
}

function typeOf({ headers }: http.IncomingMessage): Pick<Answer, "type"> {
  const type = headers["content-type"];
  return type === undefined ? {} : { type };
}

async function collect(incoming: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`an answer of more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
