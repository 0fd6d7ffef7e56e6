import http from "node:http";
import https from "node:https";
import { since, within } from "drayage-clock";
import { askHealth, Http2Line, inHttpWords } from "drayage-keeper";
import { agentOver, type Body, bodyOf, type Dial } from "../base/request.ts";
import type { Exchange } from "../core/evidence.ts";
import { compareGolden, type Golden } from "../core/golden.ts";
import { wholeAnswer } from "./replica.ts";

/** One request that is sent to find out, and how long to wait for its answer. */
export interface Asked {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
  timeoutMs: number;
  golden?: Golden;
  /** How much of the answer's body is kept; its first characters when left out. */
  keep?: number;
  /** Instead of this computer's own network. */
  dial?: Dial;
  /** `h2c`: whoever `dial` reaches speaks HTTP/2 alone. */
  protocol?: "http" | "h2c";
}

const KEPT = 2000;

const OUTCOMES: Record<string, Exchange["outcome"]> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
};

/** Sends one request on a connection of its own and says how it ended: whatever happens is an answer here, not an error. */
export async function exchange(asked: Asked, signal: AbortSignal): Promise<Exchange> {
  const startedAt = performance.now();
  try {
    const { status, headers, body } = await send(asked, signal);
    const ms = since(startedAt);
    const { text, sha256 } = body;
    const answer = { status, body: text, sha256, type: headers["content-type"] ?? "", ms };
    const wrong = asked.golden === undefined ? undefined : compareGolden(asked.golden, answer);
    return {
      outcome: "answered",
      ms,
      status,
      headers,
      body: text.slice(0, asked.keep ?? KEPT),
      ...(wrong === undefined ? {} : { wrong }),
    };
  } catch (error) {
    signal.throwIfAborted();
    const { code = "", message } = error as NodeJS.ErrnoException;
    return { outcome: outcomeOf(code, message), ms: since(startedAt) };
  }
}

function outcomeOf(code: string, message: string): Exchange["outcome"] {
  if (code.startsWith("HPE_") || code === "ERR_HTTP2_ERROR") return "not-http";
  if (/^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)|^E.*_SSL_/.test(code)) return "tls";
  return OUTCOMES[code] ?? (message === LATE ? "timeout" : "reset");
}

const LATE = "no answer in time";

interface Said {
  status: number;
  headers: Record<string, string>;
  body: Body;
}

async function send(asked: Asked, signal: AbortSignal): Promise<Said> {
  const { dial, protocol } = asked;
  return await (dial !== undefined && protocol === "h2c" ? sendHttp2(asked, dial, signal) : sendHttp(asked, signal));
}

/** Where no path is named that says whether it is ready, gRPC's health service does. */
async function sendHttp2(asked: Asked, dial: Dial, signal: AbortSignal): Promise<Said> {
  const { url, method, headers, body, timeoutMs } = asked;
  const { pathname, search } = new URL(url);
  using line = new Http2Line(dial);
  const question = {
    method,
    path: pathname + search,
    headers,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  };
  return await within(timeoutMs, signal, async (limit) => {
    if (method === "GET" && pathname === "/") {
      const { status, ready, said } = await askHealth(line, headers["host"], limit);
      return { status: ready ? 200 : Math.max(status, 503), headers: {}, body: bodyOf(Buffer.from(said)) };
    }
    const answer = await line.ask(question, limit);
    const inWords = inHttpWords(answer);
    return { status: inWords.status, headers: answer.headers, body: bodyOf(inWords.body) };
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw (error as Error).name === "TimeoutError" ? new Error(LATE, { cause: error }) : error;
  });
}

async function sendHttp(asked: Asked, signal: AbortSignal): Promise<Said> {
  const { url, method, headers, body, timeoutMs, dial } = asked;
  const agent = dial === undefined ? false : agentOver(dial, 1);
  return await new Promise((resolve, reject) => {
    const client = url.startsWith("https:") ? https : http;
    const request = client.request(url, { method, headers, agent, signal });
    const timer = setTimeout(() => request.destroy(new Error(LATE)), timeoutMs);
    const done = (act: () => void): void => {
      clearTimeout(timer);
      if (agent !== false) agent.destroy();
      act();
    };
    const fail = (error: Error): void => done(() => reject(error));
    request.once("error", fail);
    request.once("response", (answer) => {
      const said = Object.entries(answer.headers).map(([key, value]): [string, string] => [key, String(value)]);
      wholeAnswer(answer).then((whole) => done(() => resolve({ ...whole, headers: Object.fromEntries(said) })), fail);
    });
    request.end(body);
  });
}
