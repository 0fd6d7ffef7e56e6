import { Failure } from "../base/failure.ts";
import type { FindLogin, Login } from "./login.ts";
import type { Reference } from "./reference.ts";

/** An answer of a registry that is no success; its text has the registry's own code. */
class RegistryError extends Error {
  constructor(host: string, status: number, said: string) {
    super(`${host} answered ${status} ${said.slice(0, 500)}`.trim());
    this.name = "RegistryError";
  }
}

interface Init {
  headers?: Record<string, string>;
  body?: string | ReadableStream;
}

/** This computer itself, as a URL names it. */
const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host);

/** A URL that a registry gave: logins and images travel by TLS, or do not leave this computer. @throws Failure registry.insecure */
function guarded(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname))) return url;
  throw new Failure(
    "registry.insecure",
    `a registry sends us to ${JSON.stringify(text.slice(0, 200))}, which is not HTTPS`,
    {
      hint: "a login would travel for everybody to read; its owner has to mend that, or name another registry",
    },
  );
}

/** Requests to one repository, with whatever the registry wants to see (RFC 6750 token, or RFC 7617 basic). */
export class RegistrySession {
  readonly reference: Reference;
  readonly signal: AbortSignal;
  readonly #find: FindLogin;
  #authorization: string | undefined;
  /** The login that was used last. */
  login: Login | undefined;

  constructor(reference: Reference, find: FindLogin, signal: AbortSignal) {
    this.reference = reference;
    this.signal = signal;
    this.#find = find;
  }

  /** Gets what is below the repository; a token that is not taken is got anew, once. @throws RegistryError when the answer is no success */
  async get(where: string, accept: string): Promise<Response> {
    return await this.#good(await this.send("GET", where, { headers: { accept } }));
  }

  /** The same for any method; `where` may be a URL that the registry gave. @throws RegistryError */
  async must(method: string, where: string, init: Init = {}): Promise<Response> {
    return await this.#good(await this.send(method, where, init));
  }

  async #good(answer: Response): Promise<Response> {
    if (answer.ok) return answer;
    throw await this.error(answer);
  }

  /** What an answer that is no success says; where a token lacks a right, only its challenge does (RFC 6750, section 3.1). */
  async error(answer: Response): Promise<Error> {
    const [, lacks = ""] = /error="?([\w]+)/.exec(answer.headers.get("www-authenticate") ?? "") ?? [];
    return new RegistryError(this.#host, answer.status, `${lacks} ${await answer.text()}`.trim());
  }

  /** Asks, and shows a login where the registry wants one; whatever the answer is. A stream is sent only once. */
  async send(method: string, where: string, { headers, body }: Init = {}): Promise<Response> {
    const url = guarded(this.urlOf(where));
    // A location that leads elsewhere has its own rights in it; the login is this registry's alone.
    const home = url.origin === new URL(this.urlOf("")).origin;
    const ask = async (): Promise<Response> =>
      await fetch(url, {
        method,
        headers: {
          ...headers,
          ...(home && this.#authorization !== undefined ? { authorization: this.#authorization } : {}),
        },
        signal: this.signal,
        ...(body === undefined ? {} : { body, duplex: "half" }),
      });
    const answer = await ask();
    if (answer.status !== 401 || !home) return answer;
    await answer.body?.cancel();
    this.#authorization = await this.#authorize(answer.headers.get("www-authenticate") ?? "");
    return body instanceof ReadableStream ? answer : await ask();
  }

  /** What this registry wants to see of whoever asks, once it has been asked. */
  shown(): Record<string, string> {
    return this.#authorization === undefined ? {} : { authorization: this.#authorization };
  }

  get #host(): string {
    const { registry } = this.reference;
    return registry === "docker.io" ? "registry-1.docker.io" : registry;
  }

  /** Of what is below the repository, or of a location that the registry gave. */
  urlOf(where: string): string {
    // As Docker: only this computer itself is asked without TLS.
    const scheme = isLoopback(this.#host.replace(/:\d+$/, "")) ? "http" : "https";
    return new URL(where, `${scheme}://${this.#host}/v2/${this.reference.repository}/`).href;
  }

  /** The distribution project's token protocol: the challenge names where a token is had, and for what. */
  async #authorize(challenge: string): Promise<string> {
    this.login = await this.#find(this.reference.registry, this.signal);
    const { login } = this;
    const basic = login && `Basic ${Buffer.from(`${login.user}:${login.password.reveal()}`).toString("base64")}`;
    if (!/^bearer/i.test(challenge)) return basic ?? "";
    const of = (key: string): string | undefined => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1];
    const url = guarded(of("realm") ?? "");
    for (const key of ["service", "scope"]) {
      const value = of(key);
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const answer = await fetch(url, {
      headers: basic === undefined ? {} : { authorization: basic },
      signal: this.signal,
    });
    if (!answer.ok) throw new RegistryError(url.host, answer.status, `gave no token: ${await answer.text()}`);
    const { token, access_token: access } = (await answer.json()) as { token?: string; access_token?: string };
    return `Bearer ${token ?? access ?? ""}`;
  }
}
