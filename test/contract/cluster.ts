import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What Kubernetes keeps of an object, as far as anybody here looks. */
export interface Thing {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    generation: number;
    creationTimestamp: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { uid: string }[];
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  data?: Record<string, string>;
}

/** What is put there; the server adds the rest. */
type Put = Omit<Partial<Thing>, "metadata"> & { metadata: Partial<Thing["metadata"]> & { name: string } };

/** How the pods of a release fare. */
export type Fate = "ready" | "crashes" | "no-image" | "refused" | "no-room" | "no-secret" | "not-asked" | "never-ready";

interface Refused {
  code: number;
  reason: string;
  message: string;
  details?: object;
}

/** `/apis/apps/v1/namespaces/team/deployments/web?x=1`, taken apart. */
const PATH = /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)(?:\/([^/]+))?(?:\/(\w+))?(\/.*)?$/;
const DIGEST = (content: string): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** An API server in memory, with the controllers that matter here, a gateway before it, and a registry: for tests without a cluster. */
export class Cluster implements AsyncDisposable {
  readonly things = new Map<string, Thing>();
  /** Every request: `PATCH deployments/web-r1`. */
  readonly asked: string[] = [];
  /** Refused requests, by the same words. */
  readonly refusing = new Map<string, Refused>();
  /** How a release's pods fare; by default they get ready. */
  fate: (release: string) => Fate = () => "ready";
  /** What a release answers. */
  answer: (release: string, path: string) => { status: number; body: string } = (release) => ({
    status: 200,
    body: JSON.stringify({ release }),
  });
  readonly #watchers = new Set<{ of: (thing: Thing) => boolean; send: (type: string, thing: Thing) => void }>();
  readonly #server = http.createServer((request, answer) => void this.#serve(request, answer));
  readonly #gateway = http.createServer((request, answer) => this.#route(request, answer));
  #version = 1;

  static async start(): Promise<Cluster> {
    const cluster = new Cluster();
    for (const server of [cluster.#server, cluster.#gateway]) await once(server.listen(0, "127.0.0.1"), "listening");
    const gateway = {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { name: "public", namespace: "infra" },
    };
    cluster.put("gateways", {
      ...gateway,
      spec: { gatewayClassName: "eg", listeners: [{ name: "http", port: portOf(cluster.#gateway), protocol: "HTTP" }] },
      status: { addresses: [{ value: "127.0.0.1" }] },
    });
    return cluster;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#server, this.#gateway]) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${portOf(this.#gateway)}`;
  }

  /** An image of its registry: its user is a number. */
  get image(): string {
    return `127.0.0.1:${portOf(this.#server)}/models/api:1`;
  }

  /** A kubeconfig of its one user, in the namespace `team`. */
  get kubeconfig(): string {
    return JSON.stringify({
      "current-context": "test",
      clusters: [{ name: "c", cluster: { server: this.url } }],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "test", context: { cluster: "c", user: "u", namespace: "team" } }],
    });
  }

  /** What there is of a kind, by name. */
  names(plural: string): string[] {
    return [...this.things].filter(([key]) => key.startsWith(`${plural}/`)).map(([, { metadata }]) => metadata.name);
  }

  get(plural: string, name: string): Thing | undefined {
    return [...this.things].find(([key, { metadata }]) => key.startsWith(`${plural}/`) && metadata.name === name)?.[1];
  }

  /** Puts an object there, as somebody else would. */
  put(plural: string, body: Put): Thing {
    const key = `${plural}/${body.metadata.namespace ?? ""}/${body.metadata.name}`;
    const before = this.things.get(key);
    const generation = before === undefined ? 1 : before.metadata.generation + (same(before.spec, body.spec) ? 0 : 1);
    const thing: Thing = {
      ...(before ?? { apiVersion: "", kind: "" }),
      ...body,
      metadata: {
        ...before?.metadata,
        ...body.metadata,
        uid: before?.metadata.uid ?? randomUUID(),
        generation,
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
        resourceVersion: String(++this.#version),
      },
    };
    this.things.set(key, thing);
    this.#tell(before === undefined ? "ADDED" : "MODIFIED", plural, thing);
    return thing;
  }

  #drop(plural: string, thing: Thing): void {
    this.things.delete(`${plural}/${thing.metadata.namespace ?? ""}/${thing.metadata.name}`);
    this.#tell("DELETED", plural, thing);
    for (const [key, each] of new Map(this.things))
      if (each.metadata.ownerReferences?.some(({ uid }) => uid === thing.metadata.uid) === true)
        this.#drop(key.split("/")[0] ?? "", each);
  }

  #tell(type: string, plural: string, thing: Thing): void {
    for (const { of, send } of this.#watchers) if (of({ ...thing, kind: plural })) send(type, thing);
  }

  async #serve(request: http.IncomingMessage, answer: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", this.url);
    const body = await text(request);
    if (url.pathname.startsWith("/v2/")) return this.#registry(url, answer);
    const [, namespace, plural = "", name, sub, rest] = PATH.exec(url.pathname) ?? [];
    const words = `${request.method} ${[plural, name && decodeURIComponent(name), sub].filter((each) => each !== undefined).join("/")}`;
    this.asked.push(words);
    const refused = this.refusing.get(words);
    if (refused !== undefined) return say(answer, refused.code, { kind: "Status", status: "Failure", ...refused });
    if (url.searchParams.has("watch")) return this.#watch(plural, url, answer);
    const named =
      name === undefined ? undefined : this.things.get(`${plural}/${namespace ?? ""}/${decodeURIComponent(name)}`);
    if (sub === "proxy") return this.#proxy(decodeURIComponent(name ?? ""), rest ?? "/", answer);
    if (sub === "log") return void answer.end("one\ntwo\n");
    if (sub === "scale") return this.#scale(named, JSON.parse(body) as { spec: { replicas: number } }, answer);
    const act = {
      GET: () => this.#read(plural, url, { namespace, name, named }, answer),
      DELETE: () => this.#delete(plural, named, answer),
    };
    if (request.method === "GET" || request.method === "DELETE") return act[request.method]();
    this.#write(
      request.method ?? "",
      plural,
      { body: JSON.parse(body) as Thing, namespace, named, dry: url.searchParams.has("dryRun") },
      answer,
    );
  }

  #read(
    plural: string,
    url: URL,
    at: { namespace: string | undefined; name: string | undefined; named: Thing | undefined },
    answer: http.ServerResponse,
  ): void {
    if (at.name !== undefined) return at.named === undefined ? missing(answer) : say(answer, 200, at.named);
    const fits = fitting(plural, url, at.namespace);
    const items = [...this.things]
      .filter(([key, thing]) => key.startsWith(`${plural}/`) && fits({ ...thing, kind: plural }))
      .map(([, thing]) => thing);
    say(answer, 200, { kind: "List", metadata: { resourceVersion: String(this.#version) }, items });
  }

  #delete(plural: string, named: Thing | undefined, answer: http.ServerResponse): void {
    if (named === undefined) return missing(answer);
    this.#drop(plural, named);
    say(answer, 200, { kind: "Status", status: "Success" });
  }

  #write(
    method: string,
    plural: string,
    {
      body,
      namespace,
      named,
      dry,
    }: { body: Thing; namespace: string | undefined; named: Thing | undefined; dry: boolean },
    answer: http.ServerResponse,
  ): void {
    const there = named ?? this.things.get(`${plural}/${namespace ?? ""}/${body.metadata.name}`);
    const stale = method === "PUT" && body.metadata.resourceVersion !== there?.metadata.resourceVersion;
    if ((method === "POST" && there !== undefined) || stale)
      return say(answer, 409, {
        kind: "Status",
        status: "Failure",
        code: 409,
        reason: stale ? "Conflict" : "AlreadyExists",
        message: "changed",
      });
    const placed = { ...body, metadata: { ...body.metadata, ...(namespace === undefined ? {} : { namespace }) } };
    if (dry) return say(answer, 200, placed);
    const thing = this.put(plural, placed);
    say(answer, there === undefined ? 201 : 200, thing);
    if (plural === "deployments") setTimeout(() => this.#run(thing.metadata.name), 5);
    if (plural === "httproutes") setTimeout(() => this.#accept(thing.metadata.name), 5);
  }

  #scale(named: Thing | undefined, { spec }: { spec: { replicas: number } }, answer: http.ServerResponse): void {
    if (named === undefined) return missing(answer);
    const thing = this.put("deployments", { ...named, spec: { ...named.spec, replicas: spec.replicas } });
    say(answer, 200, thing);
    setTimeout(() => this.#run(thing.metadata.name), 5);
  }

  /** The controllers of Deployments, Pods and EndpointSlices. */
  #run(name: string): void {
    const deployment = this.get("deployments", name);
    if (deployment === undefined) return;
    const { namespace = "", uid, labels = {} } = deployment.metadata;
    const replicas = Number(deployment.spec?.["replicas"] ?? 1);
    const fate = this.fate(labels["drayage/release"] ?? "");
    const owned = { namespace, ownerReferences: [{ uid }] };
    for (const [key, each] of new Map(this.things))
      if (key.startsWith("pods/") && each.metadata.ownerReferences?.[0]?.uid === uid) this.#drop("pods", each);
    const pods = fate === "refused" ? 0 : replicas;
    for (let index = 0; index < pods; index++)
      this.put("pods", {
        metadata: { ...owned, labels, name: `${name}-${index}` },
        status: statusOf(fate),
      });
    for (const [reason, message] of warningsOf(fate)) {
      const involvedObject = { kind: "Pod", name: `${name}-0` };
      const event = { metadata: { namespace, name: `${name}-0.${reason}` }, reason, message, involvedObject };
      this.put("events", event);
    }
    const ready = fate === "ready" ? pods : 0;
    const endpoints = Array.from({ length: ready }, (_each, index) => ({
      addresses: [`10.0.0.${index}`],
      conditions: { ready: true },
    }));
    const slice = {
      ...owned,
      name: `${name}-slice`,
      labels: { "kubernetes.io/service-name": name },
    } as unknown as Thing["metadata"];
    this.put("endpointslices", { metadata: slice, endpoints } as Put);
    const message = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4';
    const conditions =
      fate === "refused" ? [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }] : [];
    this.put("deployments", { ...deployment, status: { replicas: pods, readyReplicas: ready, conditions } });
  }

  /** The gateway's controller. */
  #accept(name: string): void {
    const route = this.get("httproutes", name);
    if (route === undefined) return;
    const conditions = ["Accepted", "ResolvedRefs"].map((type) => ({
      type,
      status: "True",
      observedGeneration: route.metadata.generation,
    }));
    this.put("httproutes", { ...route, status: { parents: [{ conditions }] } });
  }

  #watch(plural: string, url: URL, answer: http.ServerResponse): void {
    const [, namespace] = /\/namespaces\/([^/]+)\//.exec(url.pathname) ?? [];
    const watcher = {
      of: fitting(plural, url, namespace),
      send: (type: string, object: Thing) => void answer.write(`${JSON.stringify({ type, object })}\n`),
    };
    this.#watchers.add(watcher);
    answer.once("close", () => this.#watchers.delete(watcher));
    answer.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    // What changed between the list and the watch.
    const since = Number(url.searchParams.get("resourceVersion"));
    for (const thing of this.things.values()) {
      const [of] = [...this.things].find(([, each]) => each === thing) ?? [""];
      if (Number(thing.metadata.resourceVersion) > since && watcher.of({ ...thing, kind: of.split("/")[0] ?? "" }))
        watcher.send("MODIFIED", thing);
    }
  }

  #proxy(name: string, path: string, answer: http.ServerResponse): void {
    const [, service = ""] = /^http:(.*):80$/.exec(name) ?? [];
    this.#say(service, path, answer);
  }

  #route(request: http.IncomingMessage, answer: http.ServerResponse): void {
    const [route] = [...this.things.values()].filter(({ kind }) => kind === "HTTPRoute");
    const rules = route?.spec?.["rules"] as { backendRefs: { name: string }[] }[] | undefined;
    const backend = rules?.[0]?.backendRefs[0]?.name;
    if (backend === undefined) return void answer.writeHead(404).end();
    answer.setHeader("x-dray-release", this.get("deployments", backend)?.metadata.labels?.["drayage/release"] ?? "");
    this.#say(backend, request.url ?? "/", answer);
  }

  #say(service: string, path: string, answer: http.ServerResponse): void {
    const deployment = this.get("deployments", service);
    if (deployment === undefined || deployment.status?.["readyReplicas"] === 0)
      return void answer.writeHead(503).end("no endpoints");
    const { status, body } = this.answer(deployment.metadata.labels?.["drayage/release"] ?? "", path);
    answer.writeHead(status, { "content-type": "application/json" }).end(body);
  }

  #registry(url: URL, answer: http.ServerResponse): void {
    const config = JSON.stringify({
      config: { User: "1000", ExposedPorts: { "8080/tcp": {} } },
      rootfs: { diff_ids: [] },
    });
    const manifest = JSON.stringify({
      schemaVersion: 2,
      config: { digest: DIGEST(config), size: config.length },
      layers: [],
    });
    if (url.pathname.endsWith(`/blobs/${DIGEST(config)}`)) answer.end(config);
    else if (url.pathname.includes("/manifests/")) answer.end(manifest);
    else answer.writeHead(404).end();
  }
}

const portOf = (server: http.Server): number => (server.address() as AddressInfo).port;
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function say(answer: http.ServerResponse, status: number, body: object): void {
  answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function missing(answer: http.ServerResponse): void {
  say(answer, 404, { kind: "Status", status: "Failure", code: 404, reason: "NotFound", message: "not found" });
}

function fitting(plural: string, url: URL, namespace: string | undefined): (thing: Thing) => boolean {
  const labels = (url.searchParams.get("labelSelector") ?? "").split(",").filter((each) => each !== "");
  const name = /metadata\.name=(.*)/.exec(url.searchParams.get("fieldSelector") ?? "")?.[1];
  return ({ kind, metadata }) =>
    kind === plural &&
    (namespace === undefined || metadata.namespace === namespace) &&
    (name === undefined || metadata.name === name) &&
    labels.every((each) => {
      const [key = "", value] = each.split("=");
      return metadata.labels?.[key] === value;
    });
}

/** What the kubelet says of a pod beside its state: reason and words. */
function warningsOf(fate: Fate): [string, string][] {
  if (fate === "no-secret")
    return [["FailedMount", 'MountVolume.SetUp failed for volume "secrets" : secret "decisions-login" not found']];
  if (fate === "not-asked" || fate === "never-ready")
    return [["Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 404"]];
  return [];
}

function statusOf(fate: Fate): Record<string, unknown> {
  const container = { name: "model", restartCount: 0, ready: fate === "ready" };
  switch (fate) {
    case "crashes": {
      const ended = { exitCode: 3, startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:01Z" };
      return {
        containerStatuses: [
          {
            ...container,
            restartCount: 1,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: ended },
          },
        ],
      };
    }
    case "no-image":
      return {
        containerStatuses: [{ ...container, state: { waiting: { reason: "ErrImagePull", message: "x: not found" } } }],
      };
    case "no-secret":
      return { containerStatuses: [{ ...container, state: { waiting: { reason: "ContainerCreating" } } }] };
    case "not-asked": {
      const ended = { exitCode: 137, startedAt: "2026-01-01T00:00:00Z", finishedAt: "2026-01-01T00:00:01Z" };
      return { containerStatuses: [{ ...container, restartCount: 1, lastState: { terminated: ended } }] };
    }
    case "never-ready":
      return { containerStatuses: [{ ...container, state: { running: { startedAt: "2026-01-01T00:00:00Z" } } }] };
    case "no-room":
      return {
        conditions: [
          {
            type: "PodScheduled",
            status: "False",
            reason: "Unschedulable",
            message: "0/2 nodes are available: 2 Insufficient memory.",
          },
        ],
      };
    case "ready":
    case "refused":
      return { containerStatuses: [{ ...container, state: { running: {} } }] };
  }
}
