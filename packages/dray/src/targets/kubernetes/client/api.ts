import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { sleep } from "drayage-clock";
import { wholeBody } from "../../../base/request.ts";
import type { Answer } from "../../../core/golden.ts";
import { type Kind, type KubeObject, pathOf, resourceOf } from "./kinds.ts";
import type { Entry } from "./kubeconfig.ts";
import { streamLines } from "./lines.ts";
import { refusal, type Request, type Status } from "./refusal.ts";
import { Wire } from "./wire.ts";

/** The name under which our fields are kept apart from others'. */
const MANAGER = "drayage";

const OK = 300;
const TOO_MANY = 429;
const NOT_FOUND = 404;
/** An API server that is busy says when to come again. */
const TRIES = 5;

/** Which objects of a kind. `selector`: by labels; `fields`: by the few fields that a server selects by; `everywhere`: of all namespaces. */
export interface Which {
  selector?: string;
  fields?: string;
  everywhere?: boolean;
  name?: string;
}

export interface Listed<T> {
  items: T[];
  resourceVersion: string;
}

interface Call {
  method: string;
  path: string;
  asked: Request;
  body?: unknown;
  type?: string;
}

/** A cluster's API server, in one namespace. */
export class Kube implements Disposable {
  readonly wire: Wire;
  readonly namespace: string;
  readonly #signal: AbortSignal;

  constructor(wire: Wire, namespace: string, signal: AbortSignal) {
    this.wire = wire;
    this.namespace = namespace;
    this.#signal = signal;
  }

  static open(entry: Entry, namespace: string | undefined, signal: AbortSignal): Kube {
    return new Kube(new Wire(entry), namespace ?? entry.namespace, signal);
  }

  /** The API server's clock, to the second: what others' times are compared with. */
  now(): number {
    return Date.now() + this.wire.aheadMs;
  }

  under(signal: AbortSignal): Kube {
    return new Kube(this.wire, this.namespace, signal);
  }

  [Symbol.dispose](): void {
    this.wire[Symbol.dispose]();
  }

  /** Undefined where there is none. @throws Failure kubernetes.* */
  async find<T extends KubeObject>(
    kind: Kind,
    name: string,
    namespace: string = this.namespace,
  ): Promise<T | undefined> {
    const path = pathOf(kind, namespace, name);
    const asked = { verb: "get", resource: resourceOf(kind), namespace, name };
    return await this.#call<T>({ method: "GET", path, asked }, "or-undefined");
  }

  /** @throws Failure kubernetes.* */
  async list<T extends KubeObject>(kind: Kind, { selector, everywhere, name, fields }: Which = {}): Promise<Listed<T>> {
    const namespace = everywhere === true ? undefined : this.namespace;
    const query = new URLSearchParams({
      ...(selector === undefined ? {} : { labelSelector: selector }),
      ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
      ...(fields === undefined ? {} : { fieldSelector: fields }),
    });
    const path = `${pathOf(kind, namespace)}?${query.toString()}`;
    interface List {
      items: T[];
      metadata: { resourceVersion: string };
    }
    const asked = { verb: "list", resource: resourceOf(kind), namespace };
    const list = await this.#must<List>({ method: "GET", path, asked });
    return { items: list.items, resourceVersion: list.metadata.resourceVersion };
  }

  /** Server-side apply: our fields of an object, whether it is there or not. `dry`: what would come of it. @throws Failure kubernetes.* */
  async apply<T extends KubeObject>(object: T, how: "really" | "dry" = "really"): Promise<T> {
    const query = new URLSearchParams({
      fieldManager: MANAGER,
      fieldValidation: "Strict",
      ...(how === "dry" ? { dryRun: "All" } : {}),
    });
    return await this.#write<T>("PATCH", object, query, "application/apply-patch+yaml");
  }

  /** @throws Failure kubernetes.changed where it is there already, or is not as it was read */
  async create<T extends KubeObject>(object: T): Promise<T> {
    return await this.#write<T>("POST", object, new URLSearchParams({ fieldManager: MANAGER }), "application/json");
  }

  /** The whole object in the place of the version that was read. @throws Failure kubernetes.changed */
  async replace<T extends KubeObject>(object: T): Promise<T> {
    return await this.#write<T>("PUT", object, new URLSearchParams({ fieldManager: MANAGER }), "application/json");
  }

  async #write<T extends KubeObject>(method: string, object: T, query: URLSearchParams, type: string): Promise<T> {
    const { kind, metadata } = object;
    const namespace = metadata.namespace ?? this.namespace;
    const path = `${pathOf(kind, namespace, method === "POST" ? undefined : metadata.name)}?${query.toString()}`;
    const verb = { PATCH: "patch", POST: "create", PUT: "update" }[method] ?? method;
    const asked = { verb, resource: resourceOf(kind), namespace, name: metadata.name };
    return await this.#must<T>({ method, path, asked, body: object, type });
  }

  /** How many pods a Deployment has: beside its fields, which an autoscaler may own. @throws Failure kubernetes.* */
  async scale(deployment: string, replicas: number): Promise<void> {
    const path = `${pathOf("Deployment", this.namespace, deployment)}/scale?fieldManager=${MANAGER}`;
    const asked = { verb: "patch", resource: "deployments.apps/scale", namespace: this.namespace, name: deployment };
    await this.#must({
      method: "PATCH",
      path,
      asked,
      body: { spec: { replicas } },
      type: "application/merge-patch+json",
    });
  }

  /** Gone with what it owns; that it is not there is as good. @throws Failure kubernetes.* */
  async remove(kind: Kind, name: string): Promise<void> {
    const path = pathOf(kind, this.namespace, name);
    const asked = { verb: "delete", resource: resourceOf(kind), namespace: this.namespace, name };
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background" };
    await this.#call({ method: "DELETE", path, asked, body }, "or-undefined");
  }

  /** Something that is no object: `/version`, `/apis`. @throws Failure kubernetes.* */
  async raw<T>(path: string): Promise<T | undefined> {
    return await this.#call<T>({ method: "GET", path, asked: { verb: "get", resource: path } }, "or-undefined");
  }

  /** A request to what a Service leads to, through the API server: no gateway, no open port. @throws Failure kubernetes.* */
  async through(
    service: string,
    request: { method: string; path: string; headers?: Record<string, string>; body?: Uint8Array },
  ): Promise<Answer> {
    const base = `${pathOf("Service", this.namespace, `http:${service}:80`)}/proxy`;
    const startedAt = performance.now();
    const { method, path, headers = {}, body } = request;
    const signal = this.#signal;
    const answer = await this.wire.ask({
      method,
      path: base + path,
      headers: { accept: "*/*", ...headers },
      signal,
      ...(body === undefined ? {} : { body }),
    });
    const { text: said, sha256 } = await wholeBody(answer);
    const status = answer.statusCode ?? 0;
    // A refusal of the API server's own is a Status; an API's answer may be anything.
    const own = status >= OK ? statusIn(said) : undefined;
    const asked = { verb: "get", resource: "services/proxy", namespace: this.namespace, name: service };
    if (own !== undefined) throw refusal(own, asked);
    const ms = Math.round((performance.now() - startedAt) * 10) / 10;
    return { status, body: said, ms, type: answer.headers["content-type"] ?? "", sha256 };
  }

  /** A pod's log lines, as they come. @throws Failure kubernetes.* */
  async *logs(pod: string, options: Record<string, string>): AsyncGenerator<string> {
    const path = `${pathOf("Pod", this.namespace, pod)}/log?${new URLSearchParams(options).toString()}`;
    const asked = { verb: "get", resource: "pods/log", namespace: this.namespace, name: pod };
    yield* streamLines(await this.stream(path, asked));
  }

  /** An answer that is read while it comes. @throws Failure kubernetes.* */
  async stream(path: string, asked: Request): Promise<IncomingMessage> {
    const answer = await this.wire.ask({ method: "GET", path, signal: this.#signal });
    if ((answer.statusCode ?? 0) < OK) return answer;
    throw await refused(answer, asked);
  }

  async #must<T>(call: Call): Promise<T> {
    const found = await this.#call<T>(call, "or-fail");
    return found as T;
  }

  async #call<T>(
    { method, path, asked, body, type }: Call,
    missing: "or-undefined" | "or-fail",
  ): Promise<T | undefined> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { "content-type": type ?? "application/json" };
    for (let left = TRIES; ; left--) {
      const answer = await this.wire.ask({ method, path, headers, signal: this.#signal, ...sent });
      const status = answer.statusCode ?? 0;
      if (status === TOO_MANY && left > 0) {
        answer.resume();
        await sleep(Number(answer.headers["retry-after"] ?? 1) * 1000, this.#signal);
        continue;
      }
      if (status === NOT_FOUND && missing === "or-undefined") {
        answer.resume();
        return undefined;
      }
      if (status >= OK) throw await refused(answer, asked);
      return JSON.parse(await text(answer)) as T;
    }
  }
}

async function refused(answer: IncomingMessage, asked: Request): Promise<Error> {
  const said = await text(answer);
  const code = answer.statusCode ?? 0;
  return refusal(statusIn(said) ?? { code, message: said.slice(0, 500) }, asked);
}

function statusIn(said: string): Status | undefined {
  try {
    const parsed = JSON.parse(said) as Status & { kind?: string };
    return parsed.kind === "Status" ? parsed : undefined;
  } catch {
    return undefined;
  }
}
