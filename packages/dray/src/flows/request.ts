import http from "node:http";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { compareGolden, type Golden } from "../core/golden.ts";

/** One call of a service from this computer; times in milliseconds from the start of the call. */
export interface Called {
  url: string;
  method: string;
  status: number;
  release?: string;
  headers: Record<string, string>;
  body: string;
  /** What differs from the golden answer. */
  wrong: string[];
  timing: { dnsMs: number; connectMs: number; firstByteMs: number; totalMs: number };
}

export interface CallOptions {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
  timeoutMs: number;
  golden?: Golden;
}

/** Sends one request on a connection of its own and says where the time went. @throws Failure request.failed */
export async function call(base: string, options: CallOptions, context: Context): Promise<Called> {
  const url = new URL(options.path, base);
  const startedAt = performance.now();
  const at = { dns: 0, connect: 0, first: 0 };
  const now = (): number => Math.round((performance.now() - startedAt) * 10) / 10;
  try {
    const { answer, body } = await new Promise<{ answer: http.IncomingMessage; body: string }>((resolve, reject) => {
      const request = http.request(url, {
        method: options.method,
        headers: options.headers,
        agent: false,
        signal: context.signal,
        timeout: options.timeoutMs,
      });
      request.once("socket", (socket) => {
        socket.once("lookup", () => (at.dns = now()));
        socket.once("connect", () => (at.connect = now()));
      });
      request.once("timeout", () => request.destroy(new Error(`no answer within ${options.timeoutMs / 1000} s`)));
      request.once("error", reject);
      request.once("response", (incoming) => {
        at.first = now();
        let received = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (received += chunk));
        incoming.once("end", () => resolve({ answer: incoming, body: received }));
        incoming.once("error", reject);
      });
      request.end(options.body);
    });
    const status = answer.statusCode ?? 0;
    const release = answer.headers["x-dray-release"];
    const totalMs = now();
    return {
      url: url.href,
      method: options.method,
      status,
      ...(typeof release === "string" ? { release } : {}),
      headers: Object.fromEntries(Object.entries(answer.headers).map(([key, value]) => [key, String(value)])),
      body,
      wrong: options.golden === undefined ? [] : compareGolden(options.golden, { status, body, ms: totalMs }),
      timing: { dnsMs: at.dns, connectMs: at.connect - at.dns, firstByteMs: at.first - at.connect, totalMs },
    };
  } catch (error) {
    context.signal.throwIfAborted();
    throw explain(url, error);
  }
}

function explain(url: URL, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const why: Record<string, string> = {
    ECONNREFUSED: `nothing listens on ${url.host}: is the edge running? dray status`,
    ENOTFOUND: `the name ${url.hostname} does not resolve: check it, or use the address`,
    ETIMEDOUT: `no answer from ${url.host}: a firewall between here and there drops TCP ${url.port || 80}`,
    EHOSTUNREACH: `no route to ${url.hostname}: is it an internal address of another network?`,
  };
  return new Failure("request.failed", `${url.href}: ${error instanceof Error ? error.message : String(error)}`, {
    hint: why[code] ?? "dray status shows what runs; dray logs what it says",
    cause: error,
  });
}
