import http from "node:http";
import type { AddressInfo } from "node:net";
import { joined } from "drayage-clock";
import type { Desk } from "./desk.ts";
import { readPage } from "./files.ts";
import { Idle } from "./idle.ts";
import { Reception } from "./reception.ts";
import { newToken } from "./token.ts";

/** What the console is opened with. */
export interface Opening<M> {
  desk: Desk<M>;
  /** Where the built page lies. */
  page: string;
  /** It ends itself when no page was open for so long. */
  idleMs: number;
  signal: AbortSignal;
  /** How long a request may take to arrive. */
  patienceMs?: number;
}

/** A console that runs. Disposing of it ends it. */
export interface RunningConsole extends AsyncDisposable {
  port: number;
  /** With the token in its fragment, which no browser sends anywhere. */
  url: string;
  /** Resolves when it has ended, and says why. */
  ended: Promise<"idle" | "stopped">;
}

const MAX_CONNECTIONS = 64;
const PATIENCE_MS = 5000;
const HEAD_BYTES = 16_384;

/** Serves the page and its calls to this computer alone, on a port that nobody can guess beforehand. */
export async function openConsole<M>(opening: Opening<M>): Promise<RunningConsole> {
  const { desk, idleMs, patienceMs = PATIENCE_MS } = opening;
  const pages = await readPage(opening.page);
  const over = new AbortController();
  const stop = joined([opening.signal, over.signal]);
  const idle = new Idle(idleMs, () => over.abort("idle"));
  const token = newToken();
  const server = http.createServer({
    maxHeaderSize: HEAD_BYTES,
    headersTimeout: patienceMs,
    requestTimeout: patienceMs,
    keepAliveTimeout: PATIENCE_MS,
    connectionsCheckingInterval: Math.min(1000, patienceMs),
    insecureHTTPParser: false,
  });
  server.maxConnections = MAX_CONNECTIONS;
  const portOf = (): number => (server.address() as AddressInfo | null)?.port ?? 0;
  new Reception(desk, { pages, token, signal: stop.signal, idle, port: portOf }).listenTo(server);
  await listen(server);
  const port = portOf();
  const ended = endOf(server, stop.signal).then(() => {
    idle[Symbol.dispose]();
    stop[Symbol.dispose]();
    return over.signal.reason === "idle" ? "idle" : "stopped";
  });
  const dispose = async (): Promise<void> => {
    over.abort("stopped");
    await ended;
  };
  return { port, url: `http://127.0.0.1:${port}/#${token}`, ended, [Symbol.asyncDispose]: dispose };
}

async function listen(server: http.Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host: "127.0.0.1", port: 0, exclusive: true }, resolve);
  });
}

/** Resolves when the server has ended, which it does with the signal: with every connection it has. */
async function endOf(server: http.Server, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      server.close(() => resolve());
      server.closeAllConnections();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
