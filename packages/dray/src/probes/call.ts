import type { CallOptions, Called } from "../core/call.ts";
import http from "node:http";
import https from "node:https";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Body } from "../base/request.ts";
import { type Answer, compareGolden } from "../core/golden.ts";
import { isText } from "../core/payload.ts";
import { joinPath } from "../base/url.ts";
import { answerOf, wholeAnswer } from "./replica.ts";

interface Whole {
  answer: http.IncomingMessage;
  status: number;
  body: Body;
}

/** Sends one request on a connection of its own and says where the time went. @throws Failure request.failed */
export async function call(base: string, options: CallOptions, context: Context): Promise<Called> {
  const url = new URL(joinPath(base, options.path));
  const startedAt = performance.now();
  const at = { dns: 0, connect: 0, first: 0 };
  const now = (): number => Math.round((performance.now() - startedAt) * 10) / 10;
  try {
    const { answer, status, body } = await new Promise<Whole>((resolve, reject) => {
      const request = (url.protocol === "https:" ? https : http).request(url, {
        method: options.method,
        headers: { ...options.headers, "x-dray-timing": "1" },
        agent: false,
        ...(options.servername === undefined ? {} : { servername: options.servername }),
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
        wholeAnswer(incoming).then((whole) => resolve({ answer: incoming, ...whole }), reject);
      });
      request.end(options.body?.bytes);
    });
    const release = answer.headers["x-dray-release"];
    const totalMs = now();
    return {
      url: url.href,
      method: options.method,
      status,
      ...(typeof release === "string" ? { release } : {}),
      headers: Object.fromEntries(Object.entries(answer.headers).map(([key, value]) => [key, String(value)])),
      body: body.text,
      bytes: body.bytes,
      sha256: body.sha256,
      ...keptBytes(options, answer, body),
      wrong: wrongIn(options, answerOf({ status, body }, answer.headers["content-type"], totalMs)),
      timing: {
        dnsMs: at.dns,
        connectMs: at.connect - at.dns,
        ...edgeTiming(String(answer.headers["server-timing"] ?? "")),
        firstByteMs: at.first - at.connect,
        totalMs,
      },
    };
  } catch (error) {
    context.signal.throwIfAborted();
    throw explain(url, error);
  }
}

/** What the golden request did not expect; nothing where there is none. */
export function wrongIn({ golden }: Pick<CallOptions, "golden">, answer: Answer): string[] {
  return golden === undefined ? [] : compareGolden(golden, answer);
}

/** The bytes of an answer that is no text, where somebody wants them. */
export function keptBytes(
  { bytes }: Pick<CallOptions, "bytes">,
  { headers }: http.IncomingMessage,
  { raw }: Body,
): Pick<Called, "base64"> {
  const type = headers["content-type"] ?? "";
  return bytes === undefined || type === "" || isText(type) ? {} : { base64: Buffer.from(raw).toString("base64") };
}

/** The edge's Server-Timing header (W3C Server Timing: `name;dur=milliseconds`). */
function edgeTiming(header: string): { queueMs?: number; modelMs?: number } {
  const of = (name: string): number | undefined => {
    const found = new RegExp(`(?:^|, *)${name};dur=(\\d+)`).exec(header)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [queueMs, modelMs] = [of("queue"), of("model")];
  return { ...(queueMs === undefined ? {} : { queueMs }), ...(modelMs === undefined ? {} : { modelMs }) };
}

function explain(url: URL, error: unknown): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const why: Record<string, string> = {
    ECONNREFUSED: `nothing listens on ${url.host}: is the edge running? dray status`,
    ENOTFOUND: `the name ${url.hostname} does not resolve: check it, or use the address`,
    ETIMEDOUT: `no answer from ${url.host}: a firewall between here and there drops TCP ${url.port || 80}`,
    EHOSTUNREACH: `no route to ${url.hostname}: is it an internal address of another network?`,
  };
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) why[code] = "its certificate: dray status says how that stands";
  return new Failure("request.failed", `${url.href}: ${error instanceof Error ? error.message : String(error)}`, {
    hint: why[code] ?? "dray status shows what runs; dray logs what it says",
    cause: error,
  });
}
