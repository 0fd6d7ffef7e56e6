import http from "node:http";
import https from "node:https";
import { within } from "drayage-clock";
import { joinPath } from "../../base/url.ts";
import type { CallOptions } from "../../core/call.ts";

/** An answer to one request, of whatever target. */
export interface Reply {
  status: number;
  body: string;
  /** Of Retry-After. */
  afterMs?: number;
  release?: string;
}

/** Sends one body to the model. @throws whatever a connection that ends throws */
export type Asker = (body: string, signal: AbortSignal) => Promise<Reply>;

/** Asks over HTTP, on connections that are kept open. */
export function httpAsker(base: string, options: CallOptions, connections: number): Asker & Disposable {
  const url = new URL(joinPath(base, options.path));
  const { request, Agent } = url.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const headers = { "content-type": "application/json", ...lowered(options.headers) };
  const servername = options.servername === undefined ? {} : { servername: options.servername };
  const asker = async (body: string, signal: AbortSignal): Promise<Reply> =>
    await within(options.timeoutMs, signal, async (limit) => {
      const length = { "content-length": String(Buffer.byteLength(body)) };
      const how = { method: options.method, headers: { ...headers, ...length }, agent, signal: limit, ...servername };
      return await replyTo(request(url, how), body);
    });
  return Object.assign(asker, { [Symbol.dispose]: () => agent.destroy() });
}

function lowered(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

async function replyTo(request: http.ClientRequest, body: string): Promise<Reply> {
  return await new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", (answer) => {
      let received = "";
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => (received += chunk));
      answer.once("error", reject);
      answer.once("end", () => {
        const afterMs = retryAfter(answer.headers["retry-after"]);
        const release = answer.headers["x-dray-release"];
        resolve({
          status: answer.statusCode ?? 0,
          body: received,
          ...(afterMs === undefined ? {} : { afterMs }),
          ...(typeof release === "string" ? { release } : {}),
        });
      });
    });
    request.end(body);
  });
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
