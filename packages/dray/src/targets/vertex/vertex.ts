import { Failure } from "../../base/failure.ts";
import { GoogleApi } from "../../base/google/api.ts";
import { googleProject } from "../../base/google/project.ts";
import { carryOut } from "../../core/carry-out.ts";
import type { Context } from "../../core/context.ts";
import type { Plan } from "../../core/plan.ts";
import type { Left, Prepared } from "../../core/prepared.ts";
import { HOURS_A_MONTH, hourOf, monthText, PRICES } from "../../core/prices.ts";
import type { Managed, ManagedRelease, ManagedStatus, ManagedTarget, Order } from "../../core/target.ts";
import { Vertex } from "./client.ts";
import { perform, type Work } from "./perform.ts";
import { nodesOf, planDeploy, planRollback, rolesOf, type Seen, undeployAll, type VertexStep } from "./plan.ts";
import { traceVertex } from "./trace.ts";
import { type DeployedModel, type Endpoint, RELEASE, type VertexSettings } from "./resources.ts";

const TIMEOUT_MS = 60_000;
/** Undeploying takes minutes there. */
const UNDO_MS = 15 * 60_000;
const LOGS_BACK_MS = 24 * 3600_000;

/** Vertex AI: a model of the image, an endpoint, and the traffic's split between the releases that are deployed there. */
export function vertex(settings: VertexSettings): ManagedTarget {
  const open = async (context: Context): Promise<Vertex> =>
    new Vertex(new GoogleApi(await googleProject(settings.project, context.signal)), settings.region, context.signal);
  const look = async (client: Vertex, service: string): Promise<Seen> => {
    const [endpoint, models] = await Promise.all([client.endpoint(service), client.models(service)]);
    return { endpoint, models };
  };
  const endpointOf = async (client: Vertex, service: string): Promise<Endpoint> => {
    const endpoint = await client.endpoint(service);
    if (endpoint !== undefined) return endpoint;
    throw new Failure("service.unknown", `${service} does not run on Vertex AI in ${settings.region}`, {
      hint: "dray deploy --target vertex starts it",
    });
  };
  return {
    kind: "vertex",
    deploy: async (order, context) => {
      const client = await open(context);
      const seen = await look(client, order.release.service);
      const plan = planDeploy(order, seen, settings);
      const { current } = rolesOf(seen);
      const work: Work = {
        order,
        settings,
        endpoint: seen.endpoint?.name,
        model: undefined,
        parent: seen.models[0]?.name,
        fresh: undefined,
        old: current?.id,
        before: current?.displayName,
      };
      return prepared(client, plan, work, settings, current);
    },
    rollback: async (service, to, context) => {
      const client = await open(context);
      const seen = await look(client, service);
      const { plan, to: release, model } = planRollback(service, to, seen, settings.region);
      const { current, previous } = rolesOf(seen);
      const there = seen.endpoint?.deployedModels?.find((each) => each.displayName === release);
      const work: Work = {
        order: orderOf(service, release),
        settings,
        endpoint: seen.endpoint?.name,
        model: model && `${model.name}@${model.versionId}`,
        parent: undefined,
        fresh: there?.id,
        old: current?.id,
        before: release === current?.displayName ? previous?.displayName : current?.displayName,
      };
      return prepared(client, plan, work, settings, current);
    },
    status: async (service, context) => {
      const client = await open(context);
      return statusOf(service, await look(client, service), client, settings);
    },
    remove: async (service, context) => {
      const client = await open(context);
      return prepareRemoval(client, service, await look(client, service), settings);
    },
    call: async (service, { body, headers }, context) => {
      const client = await open(context);
      const endpoint = await endpointOf(client, service);
      const { served, ...answer } = await client.rawPredict(endpoint, body, headers, TIMEOUT_MS);
      const release = endpoint.deployedModels?.find(({ id }) => id === served)?.displayName;
      return { ...answer, ...(release === undefined ? {} : { release }) };
    },
    stranger: async (service, context) => {
      const client = await open(context);
      return (await client.rawPredict(await endpointOf(client, service), "{}", {}, TIMEOUT_MS, false)).status;
    },
    trace: async (service, golden, context) => {
      const client = await open(context);
      return await traceVertex(client, service, () => look(client, service), golden);
    },
    logs: async (service, limit, sinceMs, context) => {
      const client = await open(context);
      const since = new Date(sinceMs ?? Date.now() - LOGS_BACK_MS).toISOString();
      const lines = await client.logLines((await endpointOf(client, service)).name, limit, since);
      return lines.toReversed().map(({ timestamp, text }) => `${timestamp ?? ""} ${text}`.trim());
    },
  };
}

/** What a rollback needs of an order: the release's name; the rest is as it was deployed. */
function orderOf(service: string, id: string): Order {
  const limits = { timeoutMs: TIMEOUT_MS, readyMs: TIMEOUT_MS, drainMs: 0 };
  const settings = { replicas: 1, limits, env: {}, secrets: [] };
  const release = { id, service, image: "", digest: "", settings, from: { who: "", at: "" } };
  const rollout = { canary: [], every: 0, maxErrors: 0, maxP95: 1, minimum: 0 };
  return { release, image: "", golden: [], rollout, keep: 1 };
}

function prepared(
  client: Vertex,
  plan: Plan<VertexStep>,
  work: Work,
  settings: VertexSettings,
  current: DeployedModel | undefined,
): Prepared<Managed> {
  const each = nodeMonth(settings.machineType);
  const standby = settings.standby && current !== undefined;
  const monthly = each === undefined ? undefined : each * settings.minReplicas * (standby ? 2 : 1);
  return {
    plan,
    ...(monthly === undefined ? {} : { monthly }),
    perform: async (context) => {
      await carryOut(plan, (step, inner) => perform(step, work, client.under(inner.signal), inner), context, UNDO_MS);
      const endpoint = await client.get(work.endpoint ?? "");
      return {
        service: plan.service,
        release: plan.release,
        ...(work.before === undefined ? {} : { before: work.before }),
        url: urlOf(endpoint, client.region),
        ...(monthly === undefined ? {} : { monthly }),
        notes: notesOf(endpoint, standby ? work.before : undefined, each && each * settings.minReplicas),
      };
    },
  };
}

function urlOf({ name, dedicatedEndpointDns }: Endpoint, region: string): string {
  return `https://${dedicatedEndpointDns ?? `${region}-aiplatform.googleapis.com`}/v1/${name}:rawPredict`;
}

function notesOf(endpoint: Endpoint, standby: string | undefined, monthly: number | undefined): string[] {
  const price = monthly === undefined ? "" : ` (${monthText(monthly)})`;
  return [
    "callers show a Google access token: Authorization: Bearer $(gcloud auth print-access-token)",
    "it is billed whether it is called or not; dray remove --target vertex ends that",
    ...(standby === undefined
      ? []
      : [
          `${standby} stays deployed for a rollback in seconds, and is paid for${price}; vertex: {standby: false} undeploys it`,
        ]),
    ...(endpoint.dedicatedEndpointDns === undefined ? ["the shared endpoint takes requests of up to 1.5 MB"] : []),
  ];
}

/** What a node costs a month. */
function nodeMonth(type: string): number | undefined {
  const hour = hourOf(type);
  return hour === undefined ? undefined : hour * PRICES.vertexFactor * HOURS_A_MONTH;
}

function statusOf(service: string, seen: Seen, client: Vertex, settings: VertexSettings): ManagedStatus {
  const { endpoint, models } = seen;
  const { current, previous, strays } = rolesOf(seen);
  const deployed = [...strays, previous, current].flatMap((each) => each ?? []);
  const imageOf = (release: string | undefined): string =>
    models.find((model) => model.labels?.[RELEASE] === release)?.containerSpec?.imageUri ?? "?";
  const rows = deployed.map((each): ManagedRelease => {
    const share = endpoint?.trafficSplit?.[each.id] ?? 0;
    return {
      release: each.displayName ?? each.id,
      image: imageOf(each.displayName),
      state:
        share === 0
          ? each === previous
            ? "standby"
            : "stray"
          : share === 100 || each === current
            ? "traffic"
            : "canary",
      share,
      nodes: nodesOf(each),
      ...(each.createTime === undefined ? {} : { since: each.createTime }),
    };
  });
  const names = new Set(deployed.map((each) => each.displayName));
  const kept = models.flatMap((model): ManagedRelease[] => {
    const release = model.labels?.[RELEASE];
    if (release === undefined || names.has(release)) return [];
    const since = model.versionCreateTime === undefined ? {} : { since: model.versionCreateTime };
    return [{ release, image: imageOf(release), state: "kept", share: 0, nodes: "-", ...since }];
  });
  const prices = deployed.map(({ dedicatedResources: nodes }) => {
    const each = nodeMonth(nodes?.machineSpec?.machineType ?? "");
    return each === undefined ? undefined : each * (nodes?.minReplicaCount ?? 1);
  });
  const monthly = prices.reduce<number | undefined>(
    (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
    0,
  );
  return {
    service,
    where: `Vertex AI, ${client.api.project}, ${settings.region}`,
    ...(endpoint === undefined ? {} : { url: urlOf(endpoint, settings.region) }),
    releases: [...kept, ...rows],
    ...(monthly === undefined ? {} : { monthly }),
    notes: [
      ...(deployed.length === 0
        ? ["nothing is deployed: nothing is billed"]
        : [
            `billed whether called or not: ${monthly === undefined ? "not in the list of prices" : monthText(monthly)}`,
          ]),
      ...strays.map(
        (each) =>
          `${each.displayName} was left by an interrupted deploy and is billed; dray deploy, or dray remove, clears it away`,
      ),
    ],
  };
}

function prepareRemoval(
  client: Vertex,
  service: string,
  { endpoint, models }: Seen,
  settings: VertexSettings,
): Prepared<Left> {
  const on = client.region;
  if (endpoint === undefined && models.length === 0) {
    throw new Failure("service.unknown", `there is nothing of ${service} on Vertex AI in ${on}`, {
      hint: "dray deploy --target vertex starts it",
    });
  }
  const undeploy = undeployAll(on, endpoint?.deployedModels ?? [], undefined, "removed");
  const [model] = models;
  const gone = (name: string, title: string): VertexStep => ({ kind: "delete", on, title, name });
  const stages = [
    ...undeploy.map((step) => ({ title: "undeploy", steps: [step], onFailure: "stop" as const })),
    {
      title: "endpoint",
      steps: endpoint === undefined ? [] : [gone(endpoint.name, "delete the endpoint")],
      onFailure: "stop" as const,
    },
    {
      title: "model",
      steps: model === undefined ? [] : [gone(model.name, `delete the model and its ${models.length} releases`)],
      onFailure: "stop" as const,
    },
  ].filter(({ steps }) => steps.length > 0);
  const plan = { service, release: "", stages, changes: [{ what: service, before: `Vertex AI, ${on}` }] };
  const work: Work = {
    order: orderOf(service, ""),
    settings,
    endpoint: endpoint?.name,
    model: undefined,
    parent: undefined,
    fresh: undefined,
    old: undefined,
    before: undefined,
  };
  return {
    plan,
    perform: async (context) => {
      await carryOut(plan, (step, inner) => perform(step, work, client.under(inner.signal), inner), context, UNDO_MS);
      return {
        done: stages.flatMap(({ steps }) => steps.map(({ title }) => title)),
        costs: ["its images are still in the registry, and cost a little there"],
      };
    },
  };
}
