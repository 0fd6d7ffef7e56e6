import { type GoogleVm, type Inlet, openOutside, type Outside, startGoogleVm } from "./vm.ts";

/** An answer: a status and a body. */
export type Answer = [status: number, body: unknown];

type Resource = Record<string, unknown> & { name: string };

interface InstanceResource extends Resource {
  status: string;
  zone: string;
  tags?: { items?: string[] };
  networkInterfaces: { accessConfigs?: { natIP?: string }[]; networkIP?: string }[];
  metadata?: { items?: { key: string; value: string }[] };
}

interface FirewallResource extends Resource {
  targetTags?: string[];
  sourceRanges?: string[];
  allowed?: { IPProtocol: string; ports?: string[] }[];
  denied?: { IPProtocol: string; ports?: string[] }[];
  priority?: number;
  disabled?: boolean;
}

interface OperationResource extends Resource {
  status: string;
  error?: { errors: { code: string; message: string }[] };
}

const problem = (status: number, reason: string, message: string): Answer => [
  status,
  { error: { code: status, message, errors: [{ message, domain: "global", reason }] } },
];

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const ZONES = ["us-central1-a", "us-central1-b", "europe-central2-a"];
const TYPES = ["e2-micro", "e2-small", "e2-medium", "e2-standard-2", "n1-standard-2"];
const FAMILIES =
  /projects\/(debian-cloud|cos-cloud)\/(global\/images\/family|zones\/-\/imageFamilyViews)\/(debian-12|cos-stable)$/;
const SLOW_MS = 150;

/** Compute Engine with its rules: names, references, fingerprints, operations; its machines are containers. */
export class FakeCompute implements AsyncDisposable {
  readonly project: string;
  readonly addresses = new Map<string, Resource>();
  readonly firewalls = new Map<string, FirewallResource>();
  readonly instances = new Map<string, InstanceResource>();
  readonly vms = new Map<string, GoogleVm>();
  /** Makes the next machine one on which Docker cannot be installed. */
  noDocker = false;
  /** How the next operation ends, instead of well. */
  nextError: { code: string; message: string } | undefined;
  readonly #token: string;
  readonly outside: Outside;
  readonly #operations = new Map<string, OperationResource>();
  readonly #requests = new Map<string, Answer>();
  #count = 0;

  private constructor(project: string, token: string, outside: Outside) {
    this.project = project;
    this.#token = token;
    this.outside = outside;
    // What every new project's default network lets in.
    this.firewalls.set("default-allow-ssh", {
      name: "default-allow-ssh",
      sourceRanges: ["0.0.0.0/0"],
      allowed: [{ IPProtocol: "tcp", ports: ["22"] }],
      direction: "INGRESS",
      priority: 65534,
      network: this.#url("global/networks/default"),
    });
  }

  static async start(project: string, token: string): Promise<FakeCompute> {
    return new FakeCompute(project, token, await openOutside());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const vm of this.vms.values()) await vm[Symbol.asyncDispose]();
    await this.outside[Symbol.asyncDispose]();
  }

  #url(rest: string): string {
    return `https://www.googleapis.com/compute/v1/projects/${this.project}/${rest}`;
  }

  /** Answers a request that is one of Google's. `rest`: what follows the project. */
  async answer(verb: string, rest: string, url: URL, body: Resource): Promise<Answer> {
    const requestId = url.searchParams.get("requestId");
    const known = requestId === null ? undefined : this.#requests.get(requestId);
    if (known !== undefined) return known;
    const answer = await this.#route(verb, rest, body, url);
    if (requestId !== null && answer[0] < 300) this.#requests.set(requestId, answer);
    return answer;
  }

  async #route(verb: string, rest: string, body: Resource, url: URL): Promise<Answer> {
    const region = /^regions\/([^/]+)\//.exec(rest)?.[1];
    if (region !== undefined && !ZONES.some((each) => each.startsWith(`${region}-`)))
      return problem(400, "invalid", `Invalid value for field 'region': '${region}'. Unknown region.`);
    const zone = /^zones\/([^/]+)$/.exec(rest)?.[1];
    if (zone !== undefined)
      return ZONES.includes(zone)
        ? [
            200,
            { name: zone, status: "UP", selfLink: this.#url(rest), region: this.#url(`regions/${zone.slice(0, -2)}`) },
          ]
        : problem(404, "notFound", `Unknown zone: ${zone}`);
    const [, scope = "", kind = "", name = "", verbAfter = ""] =
      /^((?:zones|regions)\/[^/]+|global|aggregated)\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?$/.exec(rest) ?? [];
    if (scope.startsWith("zones/") && !ZONES.includes(scope.slice(6)))
      return problem(404, "notFound", `Unknown zone: zones/${scope.slice(6)}`);
    if (kind === "operations") return await this.#operation(name);
    if (scope === "aggregated") return [200, { items: this.#aggregated(kind) }];
    const store = { addresses: this.addresses, firewalls: this.firewalls, instances: this.instances }[kind];
    if (store === undefined) return problem(404, "notFound", `nothing at ${rest}`);
    if (verb === "POST" && name === "") return await this.#insert(kind, scope, body, store);
    const found = store.get(name);
    if (found === undefined || (found["scope"] ?? "global") !== scope)
      return problem(404, "notFound", `The resource 'projects/${this.project}/${rest}' was not found`);
    if (verb === "GET" && verbAfter === "") return [200, { ...found, scope: undefined }];
    if (verb === "DELETE") return await this.#delete(kind, scope, name, store);
    return await this.#act(name, scope, verbAfter, url, body);
  }

  #aggregated(kind: string): Record<string, unknown> {
    const all = [...(kind === "instances" ? this.instances : this.addresses).values()];
    const scopes = new Map<string, Resource[]>([["zones/us-central1-a", []]]);
    for (const each of all) {
      const scope = String(each["scope"]);
      scopes.set(scope, [...(scopes.get(scope) ?? []), { ...each, scope: undefined }]);
    }
    return Object.fromEntries(
      [...scopes].map(([scope, items]) => [
        scope,
        items.length === 0 ? { warning: { code: "NO_RESULTS_ON_PAGE" } } : { [kind]: items },
      ]),
    );
  }

  async #operation(name: string): Promise<Answer> {
    const found = this.#operations.get(name);
    if (found === undefined) return problem(404, "notFound", `no operation ${name}`);
    // `wait` answers when it is done, or after a while.
    for (let tries = 0; tries < 100 && found.status !== "DONE"; tries++) await pause(100);
    return [200, found];
  }

  /** Begins what takes its time; an error that was ordered ends it. */
  #begin(scope: string, verb: string, target: string, work: () => Promise<void>): Answer {
    const name = `operation-${++this.#count}`;
    const [kind] = scope.split("/");
    const place =
      kind === "zones" ? { zone: this.#url(scope) } : kind === "regions" ? { region: this.#url(scope) } : {};
    const operation: OperationResource = {
      kind: "compute#operation",
      id: String(this.#count),
      name,
      operationType: verb,
      selfLink: this.#url(`${scope}/operations/${name}`),
      targetLink: this.#url(`${scope}/${target}`),
      status: "RUNNING",
      progress: 0,
      ...place,
    };
    this.#operations.set(name, operation);
    const ordered = this.nextError;
    this.nextError = undefined;
    const fail = (code: string, message: string): void => {
      operation.error = { errors: [{ code, message }] };
    };
    void pause(SLOW_MS)
      .then(() => (ordered === undefined ? work() : fail(ordered.code, ordered.message)))
      .catch((error: unknown) => fail("INTERNAL_ERROR", String(error)))
      .finally(() => {
        operation.status = "DONE";
      });
    return [200, { ...operation }];
  }

  async #insert(kind: string, scope: string, body: Resource, store: Map<string, Resource>): Promise<Answer> {
    if (!NAME.test(body.name))
      return problem(400, "invalid", `Invalid value for field 'resource.name': '${body.name}'.`);
    if (store.has(body.name))
      return problem(
        409,
        "alreadyExists",
        `The resource 'projects/${this.project}/${scope}/${kind}/${body.name}' already exists`,
      );
    if (kind === "instances") return await this.#insertInstance(scope, body as InstanceResource);
    const more: Record<string, unknown> =
      kind === "addresses"
        ? { address: this.outside.address(++this.#count), status: "RESERVED", region: this.#url(scope) }
        : {};
    return this.#begin(scope, "insert", `${kind}/${body.name}`, async () => {
      const selfLink = this.#url(`${scope}/${kind}/${body.name}`);
      store.set(body.name, { ...body, ...more, scope, selfLink });
      await this.#applyFirewall();
    });
  }

  async #insertInstance(scope: string, body: InstanceResource): Promise<Answer> {
    const type = String(body["machineType"]).split("/").pop() ?? "";
    if (!TYPES.includes(type))
      return problem(
        404,
        "notFound",
        `The resource 'projects/${this.project}/${scope}/machineTypes/${type}' was not found`,
      );
    const [disk] = (body["disks"] ?? []) as { initializeParams?: { sourceImage?: string; diskSizeGb?: string } }[];
    if (disk === undefined)
      return problem(400, "required", "Invalid value for field 'resource.disks': ''. At least one boot disk.");
    if (!FAMILIES.test(disk.initializeParams?.sourceImage ?? ""))
      return problem(404, "notFound", "no such image family");
    const [port] = body.networkInterfaces;
    const natIP = port?.accessConfigs?.[0]?.natIP;
    const address = [...this.addresses.values()].find((each) => each["address"] === natIP);
    if (natIP === undefined || address === undefined)
      return problem(
        400,
        "invalid",
        `Invalid value for field 'resource.networkInterfaces[0].accessConfigs[0].natIP': '${natIP}'.`,
      );
    const id = String(7_000_000 + ++this.#count);
    const instance: InstanceResource = {
      ...body,
      id,
      scope,
      selfLink: this.#url(`${scope}/instances/${body.name}`),
      status: "PROVISIONING",
      zone: this.#url(scope),
      machineType: this.#url(`${scope}/machineTypes/${type}`),
      networkInterfaces: [{ ...port, networkIP: `10.128.0.${this.#count}` }],
      disks: [{ boot: true, diskSizeGb: disk.initializeParams?.diskSizeGb ?? "10" }],
    };
    // It is there at once, long before it runs; an insert that fails takes it away again.
    if (this.nextError === undefined) this.instances.set(body.name, instance);
    return this.#begin(scope, "insert", `instances/${body.name}`, async () => {
      address["status"] = "IN_USE";
      address["users"] = [this.#url(`${scope}/instances/${body.name}`)];
      const attributes = Object.fromEntries((body.metadata?.items ?? []).map(({ key, value }) => [key, value]));
      const zone = scope.slice(6);
      const { project } = this;
      const vm = await startGoogleVm(this.outside, {
        id,
        name: body.name,
        zone,
        project,
        address: natIP,
        attributes,
        token: this.#token,
        noDocker: this.noDocker,
      });
      this.vms.set(body.name, vm);
      instance.status = "RUNNING";
      await this.#applyFirewall();
    });
  }

  async #delete(kind: string, scope: string, name: string, store: Map<string, Resource>): Promise<Answer> {
    if (kind === "addresses" && store.get(name)?.["status"] === "IN_USE")
      return problem(400, "resourceInUseByAnotherResource", `The address resource ${name} is already being used`);
    return this.#begin(scope, "delete", `${kind}/${name}`, async () => {
      store.delete(name);
      if (kind === "firewalls") await this.#applyFirewall();
      if (kind !== "instances") return;
      // Behind the insert, when that is still under way.
      for (let tries = 0; tries < 100 && !this.vms.has(name); tries++) await pause(100);
      for (const address of this.addresses.values()) {
        const users = (address["users"] ?? []) as string[];
        if (users.some((user) => user.endsWith(`/${name}`))) Object.assign(address, { status: "RESERVED", users: [] });
      }
      await this.vms.get(name)?.[Symbol.asyncDispose]();
      this.vms.delete(name);
    });
  }

  async #act(name: string, scope: string, verb: string, url: URL, body: Resource): Promise<Answer> {
    const instance = this.instances.get(name);
    const vm = this.vms.get(name);
    if (instance === undefined) return problem(404, "notFound", `no instance ${name}`);
    if (verb === "getGuestAttributes") {
      const namespace = (url.searchParams.get("queryPath") ?? "").replace(/\/$/, "");
      const items = [...(vm?.metadata.told ?? [])]
        .filter(([key]) => key.startsWith(`${namespace}/`))
        .map(([key, value]) => ({ namespace, key: key.slice(namespace.length + 1), value }));
      return items.length === 0
        ? problem(404, "notFound", `no attribute below ${namespace}/`)
        : [200, { queryPath: namespace, queryValue: { items } }];
    }
    if (verb === "serialPort") return [200, { contents: (await vm?.serial()) ?? "", start: "0", next: "0" }];
    if (verb === "getEffectiveFirewalls")
      return [200, { firewalls: [...this.firewalls.values()].map((rule) => ({ ...rule, scope: undefined })) }];
    if (verb === "stop" || verb === "start") {
      return this.#begin(scope, verb, `instances/${name}`, async () => {
        await vm?.[verb]();
        instance.status = verb === "stop" ? "TERMINATED" : "RUNNING";
        if (verb === "start") await this.#applyFirewall();
      });
    }
    if (verb === "setTags") {
      return this.#begin(scope, verb, `instances/${name}`, async () => {
        instance.tags = body as { items?: string[] };
        await this.#applyFirewall();
      });
    }
    return problem(404, "notFound", `no ${verb}`);
  }

  /** Lets in what the rules say, on each machine. */
  async #applyFirewall(): Promise<void> {
    for (const [name, vm] of this.vms) {
      const instance = this.instances.get(name);
      if (instance?.status !== "RUNNING") continue;
      const tags = instance.tags?.items ?? [];
      const inlets: Inlet[] = [...this.firewalls.values()]
        .filter((rule) => rule.disabled !== true && (rule.targetTags?.some((tag) => tags.includes(tag)) ?? true))
        .toSorted((one, other) => (one.priority ?? 1000) - (other.priority ?? 1000))
        .map((rule) => ({
          ports: (rule.allowed ?? rule.denied ?? []).flatMap(({ ports }) => ports ?? []),
          from: rule.sourceRanges ?? ["0.0.0.0/0"],
          denied: rule.denied !== undefined,
        }));
      await vm.letIn(inlets);
    }
  }

  /** Changes the firewall behind everybody's back, as somebody else in the project would. */
  async meddle(change: (firewalls: Map<string, FirewallResource>) => void): Promise<void> {
    change(this.firewalls);
    await this.#applyFirewall();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
