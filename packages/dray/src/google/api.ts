import { Gaxios, GaxiosError } from "gaxios";
import { Failure } from "../base/failure.ts";
import { explainGoogle, GoogleError } from "./refused.ts";
import { forgetToken, type GoogleToken, googleToken } from "./token.ts";

/** Google's services that are spoken to, and where; `{location}` stands for a region. */
const HOSTS = {
  compute: "https://compute.googleapis.com/compute/v1/",
  aiplatform: "https://{location}-aiplatform.googleapis.com/",
  artifactregistry: "https://artifactregistry.googleapis.com/",
  logging: "https://logging.googleapis.com/",
} as const;

type Service = keyof typeof HOSTS;

/** One call. `query` and `body` as the service's REST reference has them; without a body it is sent none. */
export interface Call {
  service: Service;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** The region, of a service that has a host for each. */
  location?: string;
  /** A host of its own, as a dedicated endpoint has. */
  host?: string;
  signal: AbortSignal;
}

const TIMEOUT_MS = 150_000;

/**
 * Google's REST APIs with this computer's login. A token that is not taken is got anew, once; what Google asks to try
 * again (408, 429, 5xx) is tried again where that changes nothing twice: reads, deletes, and what carries a `requestId`.
 */
export class GoogleApi {
  readonly project: string;
  readonly #client = new Gaxios();
  #token: GoogleToken | undefined;

  constructor(project: string) {
    this.project = project;
  }

  /** @throws Failure google.* */
  async call<T>(call: Call): Promise<T> {
    try {
      return await this.#attempt<T>(call);
    } catch (error) {
      call.signal.throwIfAborted();
      throw explainGoogle(error, { project: this.project, from: this.#token?.from });
    }
  }

  /** The answer, or undefined where there is no such thing. @throws Failure google.* */
  async find<T>(call: Call): Promise<T | undefined> {
    try {
      return await this.call<T>(call);
    } catch (error) {
      if (error instanceof Failure && error.code === "google.not-found") return undefined;
      throw error;
    }
  }

  async #attempt<T>(call: Call): Promise<T> {
    const again = this.#token !== undefined;
    try {
      return await this.#send<T>(call);
    } catch (error) {
      if (!(error instanceof GoogleError && error.status === 401 && again)) throw error;
      this.#token = undefined;
      forgetToken();
      return await this.#send<T>(call);
    }
  }

  /** What Google's services want to see of a caller. @throws Failure google.unauthorized */
  async authorization(signal: AbortSignal): Promise<string> {
    this.#token ??= await googleToken(signal);
    if (this.#token === undefined) throw new GoogleError(401, "NO_LOGIN", "this computer has no login for Google");
    return `Bearer ${this.#token.password.reveal()}`;
  }

  async #send<T>({ service, method, path, query = {}, body, location = "global", host, signal }: Call): Promise<T> {
    const authorization = await this.authorization(signal);
    const url = new URL(path, serviceBase(service, location, host));
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const safe = method !== "POST" || query["requestId"] !== undefined;
    try {
      const answer = await this.#client.request<T>({
        url: url.href,
        method,
        headers: { authorization },
        ...(body === undefined ? {} : { data: body }),
        responseType: "json",
        signal,
        timeout: TIMEOUT_MS,
        fetchImplementation: fetch,
        retryConfig: { retry: 3, httpMethodsToRetry: safe ? [method] : [], noResponseRetries: safe ? 2 : 0 },
      });
      return answer.data;
    } catch (error) {
      if (error instanceof GaxiosError && error.response !== undefined)
        throw GoogleError.of(error.response.status, error.response.data);
      // The request is in what gaxios throws, with the token taken out of it (its `errorRedactor`).
      const why = error instanceof Error ? saidBy(error) : String(error);
      throw new TypeError(`${url.host}: ${why}`, { cause: error });
    }
  }
}

/** The same variables move gcloud's requests: Private Service Connect, restricted endpoints, a stand-in. */
export function serviceBase(service: Service, location: string, host?: string): string {
  const moved = process.env[`CLOUDSDK_API_ENDPOINT_OVERRIDES_${service.toUpperCase()}`];
  if (moved !== undefined && moved !== "") return moved;
  return host === undefined ? HOSTS[service].replace("{location}", location) : `https://${host}/`;
}

function saidBy(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${saidBy(error.cause)}` : "";
  return `${error.message}${cause}`;
}
