import http from "node:http";
import https from "node:https";
import { HttpsProxyAgent } from "https-proxy-agent";
import { deadline } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Entry } from "./kubeconfig.ts";
import { LoginKeeper, type Shown } from "./login.ts";

const CONNECT_MS = 10_000;

/** One request to the API server. */
export interface WireAsked {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal: AbortSignal;
}

/** The connections to one API server, kept open between requests. */
export class Wire implements Disposable {
  readonly entry: Entry;
  readonly #login: LoginKeeper;
  /** How much the API server's clock is ahead of this computer's, in milliseconds. */
  aheadMs = 0;
  /** What the API server said beside its answers: deprecated fields, what a policy would refuse. */
  readonly warnings = new Set<string>();
  #line: { agent: http.Agent; shown: Shown } | undefined;

  constructor(entry: Entry) {
    this.entry = entry;
    this.#login = new LoginKeeper(entry);
  }

  [Symbol.dispose](): void {
    this.#line?.agent.destroy();
  }

  /** The answer, its body still to be read. A login that has ended is renewed once. @throws Failure kubernetes.login, kubernetes.unreachable */
  async ask(asked: WireAsked): Promise<http.IncomingMessage> {
    const answer = await this.#send(asked);
    if (answer.statusCode !== 401 || !this.#login.forget()) return answer;
    answer.resume();
    return await this.#send(asked);
  }

  async #send({ method, path, headers, body, signal }: WireAsked): Promise<http.IncomingMessage> {
    const { entry } = this;
    const shown = await this.#login.show(signal);
    const url = new URL(entry.server + path);
    const options: https.RequestOptions = {
      ...tlsOf(entry, shown),
      method,
      agent: this.#agentFor(shown),
      signal,
      headers: {
        accept: "application/json",
        // Node says how long a body is only where the method usually has one, and a DELETE may have one too.
        ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
        ...headers,
        ...identity(entry, shown),
      },
    };
    return await new Promise((resolve, reject) => {
      const request = (url.protocol === "https:" ? https : http).request(url, options, (answer) => {
        this.#note(answer);
        resolve(answer);
      });
      limitConnecting(request);
      request.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : unreachable(entry, error)));
      request.end(body);
    });
  }

  #note({ headers }: http.IncomingMessage): void {
    const at = Date.parse(headers.date ?? "");
    if (!Number.isNaN(at)) this.aheadMs = at - Date.now();
    for (const [, text] of (headers["warning"] ?? "").matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g))
      if (text !== undefined) this.warnings.add(text.replaceAll("\\", ""));
  }

  /** A certificate is part of the connection, so another one is another line. */
  #agentFor(shown: Shown): http.Agent {
    const { entry } = this;
    const same = this.#line?.shown.certificate === shown.certificate && this.#line?.shown.key === shown.key;
    if (this.#line !== undefined && same) return this.#line.agent;
    this.#line?.agent.destroy();
    const agent = agentOf(entry);
    this.#line = { agent, shown };
    return agent;
  }
}

/** A firewall that drops what is sent answers nothing at all; an answer itself may take as long as a watch does. */
function limitConnecting(request: http.ClientRequest): void {
  const limit = deadline(CONNECT_MS);
  const done = (): void => limit[Symbol.dispose]();
  const late = (): void => void request.destroy(new Error(`no connection after ${CONNECT_MS / 1000} s`));
  limit.signal.addEventListener("abort", late, { once: true });
  request.once("close", done);
  request.once("socket", (socket) => {
    if (socket.connecting) socket.once("connect", done);
    else done();
  });
}

function tlsOf({ insecure, ca, serverName }: Entry, { certificate, key }: Shown): https.RequestOptions {
  return {
    rejectUnauthorized: !insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

function agentOf({ server, proxy }: Entry): http.Agent {
  const keepAlive = true;
  if (proxy === undefined)
    return server.startsWith("http:") ? new http.Agent({ keepAlive }) : new https.Agent({ keepAlive });
  if (/^https?:/.test(proxy)) return new HttpsProxyAgent(proxy, { keepAlive });
  throw new Failure(
    "kubernetes.no-config",
    `the kubeconfig's proxy-url is of a kind that dray does not speak: ${new URL(proxy).protocol}//`,
    {
      hint: "an HTTP proxy works: proxy-url: http://HOST:PORT",
    },
  );
}

function identity({ login }: Entry, { token }: Shown): http.OutgoingHttpHeaders {
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(login.as === undefined ? {} : { "impersonate-user": login.as.user }),
    ...(login.as === undefined || login.as.groups.length === 0 ? {} : { "impersonate-group": login.as.groups }),
  };
}

const HINTS: Record<string, string> = {
  ENOTFOUND: "the name does not resolve: is it a private cluster, reached by a VPN only?",
  ECONNREFUSED:
    "nothing listens there: is the cluster running? A kubeconfig of k3s or kind names 127.0.0.1, which is good on that machine only",
  ETIMEDOUT: "a firewall drops it: is this computer's address allowed to ask the cluster?",
  CERT_HAS_EXPIRED: "its certificate has ended: renew it, or correct this computer's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name: tls-server-name in the kubeconfig",
};
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO/;

function unreachable({ server, context }: Entry, error: Error): Failure {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const untrusted = UNTRUSTED.test(code)
    ? "the kubeconfig's certificate authority did not sign it: get a new kubeconfig"
    : undefined;
  return new Failure("kubernetes.unreachable", `${server} of the context ${context} is not reached: ${error.message}`, {
    hint: HINTS[code] ?? untrusted ?? "kubectl cluster-info asks the same",
    cause: error,
  });
}
