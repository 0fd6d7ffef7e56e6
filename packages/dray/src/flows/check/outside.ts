import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { connect, isIP } from "node:net";
import tls from "node:tls";
import { within } from "drayage-clock";
import { wholeBody } from "../../base/request.ts";
import { askTls } from "../../probes/tls.ts";
import type { AskFacts, SaidOfApi, Slow } from "./facts.ts";

const PATIENCE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Asks an endpoint, at the address that is named instead of the one its name leads to. */
export function askOver(
  base: URL,
  through: string | undefined,
  signal: AbortSignal,
): (what: AskFacts) => Promise<SaidOfApi> {
  const secure = base.protocol === "https:";
  const ask = async (
    { method = "GET", path, headers = {}, body }: AskFacts,
    limit: AbortSignal,
  ): Promise<SaidOfApi> => {
    const request = (secure ? https : http).request({
      ...reached(base, through),
      path: below(base, path),
      method,
      agent: false,
      signal: limit,
      headers: {
        host: base.host,
        ...headers,
        ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
      },
    });
    request.end(body);
    const [answer] = (await once(request, "response")) as [http.IncomingMessage];
    const said = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const { text, sha256 } = await wholeBody(answer);
    return { status: answer.statusCode ?? 0, headers: Object.fromEntries(said), body: text, sha256 };
  };
  // An answer may also be without end.
  return async (what) => await within(PATIENCE_MS, signal, (limit) => ask(what, limit));
}

const below = (base: URL, path: string): string => base.pathname.replace(/\/$/, "") + path;
const hostOf = (base: URL): string => base.hostname.replace(/^\[|\]$/g, "");

function reached(base: URL, through: string | undefined): { host: string; port: number; servername?: string } {
  const host = hostOf(base);
  const port = Number(base.port || (base.protocol === "https:" ? 443 : 80));
  return { host: through ?? host, port, ...(isIP(host) === 0 ? { servername: host } : {}) };
}

/** Sends a request whose body never ends, and waits for it to be refused. */
export async function slowly(
  base: URL,
  through: string | undefined,
  { headers, patienceMs }: { headers: Record<string, string>; patienceMs: number },
  signal: AbortSignal,
): Promise<Slow> {
  const startedAt = performance.now();
  const to = reached(base, through);
  const socket = base.protocol === "https:" ? tls.connect(to) : connect(to);
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  let open = false;
  const limit = setTimeout(() => {
    open = true;
    stop();
  }, patienceMs);
  let said = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (said += chunk));
  socket.on("error", () => undefined);
  const lines = Object.entries({
    host: base.host,
    "content-type": "application/json",
    "content-length": "100",
    ...headers,
  });
  socket.write(
    `POST ${below(base, "/")} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n{`,
  );
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  clearTimeout(limit);
  signal.removeEventListener("abort", stop);
  socket.destroy();
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(said)?.[1] ?? 0);
  return { status, seconds: (performance.now() - startedAt) / 1000, open };
}

/** What a client finds of the certificate; undefined where nothing speaks TLS. */
export async function tlsOf(
  base: URL,
  through: string | undefined,
  port: number,
  signal: AbortSignal,
): Promise<{ problem?: string; daysLeft: number; lifeDays: number; issuer: string } | undefined> {
  const at = base.protocol === "https:" ? Number(base.port || 443) : port;
  const found = await askTls({ host: hostOf(base), port: at, through }, 5000, signal);
  if (found.certificate === undefined) return undefined;
  const { from, to, issuer, problem } = found.certificate;
  return {
    ...(problem === undefined ? {} : { problem }),
    daysLeft: (to - Date.now()) / DAY_MS,
    lifeDays: (to - from) / DAY_MS,
    issuer,
  };
}
