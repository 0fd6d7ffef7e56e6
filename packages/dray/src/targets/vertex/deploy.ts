import { settingsOf } from "./options.ts";
import type { Order, Outcome } from "../../contract/order.ts";
import type { Observed } from "../../contract/target.ts";
import type { Context } from "../../core/context.ts";
import type { Plan } from "../../core/plan.ts";
import { HOURS_A_MONTH, hourOf, monthText, PRICES } from "../../core/prices.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Vertex } from "./client.ts";
import { type Deployment, deploymentOf } from "./deployment.ts";
import type { Work } from "./perform.ts";
import { planDeploy, planRollback, rolesOf, type Seen, type VertexStep } from "./plan.ts";
import { type Endpoint, urlOf, type VertexSettings } from "./resources.ts";

const TIMEOUT_MS = 60_000;
const HTTPS_PORT = 443;

/** What there is of a service, and what the order means there. */
export interface Sight {
  client: Vertex;
  found: Seen;
  /** Of a new release. */
  deployment?: Deployment;
}

export interface VertexWork extends Work {
  client: Vertex;
  /** About, in US dollars a month. */
  monthly?: number;
  /** What stays deployed beside the release that has the traffic. */
  standby?: string;
}

type Open = (manifest: Manifest, context: Context) => Promise<Vertex>;

/** @throws Failure google.*, target.unsupported, image.* */
export async function observe(order: Order, open: Open, context: Context): Promise<Observed<Sight>> {
  const { manifest, want } = order;
  const deployment = want.verb === "deploy" ? await deploymentOf(order, context) : undefined;
  const client = await open(manifest, context);
  const found = await client.look(manifest.service);
  return {
    seen: { client, found, ...(deployment === undefined ? {} : { deployment }) },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export function planFor(order: Order, sight: Sight): Plan<VertexStep> {
  const { found, deployment } = sight;
  return deployment === undefined
    ? goingBack(order, sight).plan
    : planDeploy(deployment, found, settingsOf(order.manifest));
}

function goingBack({ want, manifest }: Order, { found }: Sight): ReturnType<typeof planRollback> {
  const to = want.verb === "rollback" ? want.to : undefined;
  return planRollback(manifest.service, to, found, settingsOf(manifest).region);
}

export function begin(order: Order, sight: Sight): VertexWork {
  const { client, found, deployment } = sight;
  const settings = settingsOf(order.manifest);
  const { current } = rolesOf(found);
  const work = deployment === undefined ? workBack(order, sight) : workForward(deployment, found, settings);
  const each = nodeMonth(settings.machineType);
  const standby = settings.standby && current !== undefined;
  return {
    ...work,
    client,
    ...(each === undefined ? {} : { monthly: each * settings.minReplicas * (standby ? 2 : 1) }),
    ...(standby && work.before !== undefined ? { standby: work.before } : {}),
  };
}

function workForward(deployment: Deployment, found: Seen, settings: VertexSettings): Work {
  const { current } = rolesOf(found);
  return {
    order: deployment,
    settings,
    endpoint: found.endpoint?.name,
    model: undefined,
    parent: found.models[0]?.name,
    fresh: undefined,
    old: current?.id,
    before: current?.displayName,
  };
}

function workBack(order: Order, sight: Sight): Work {
  const { found } = sight;
  const { to: release, model } = goingBack(order, sight);
  const { current, previous } = rolesOf(found);
  const there = found.endpoint?.deployedModels?.find((each) => each.displayName === release);
  return {
    order: deployedBefore(order.manifest.service, release),
    settings: settingsOf(order.manifest),
    endpoint: found.endpoint?.name,
    model: model && `${model.name}@${model.versionId}`,
    parent: undefined,
    fresh: there?.id,
    old: current?.id,
    before: release === current?.displayName ? previous?.displayName : current?.displayName,
  };
}

/** For taking it all away: its steps need the endpoint, and nothing else. */
export function workToRemove(manifest: Manifest, endpoint: string | undefined): Work {
  const order = deployedBefore(manifest.service, "");
  const settings = settingsOf(manifest);
  const none = undefined;
  return { order, settings, endpoint, model: none, parent: none, fresh: none, old: none, before: none };
}

/** What a rollback needs of a deployment: the release's name; the rest is as it was deployed. */
function deployedBefore(service: string, id: string): Deployment {
  const limits = { timeoutMs: TIMEOUT_MS, readyMs: TIMEOUT_MS, drainMs: 0 };
  const settings = { replicas: 1, limits, env: {}, secrets: [] };
  const release = { id, service, image: "", digest: "", settings, from: { who: "", at: "" } };
  const rollout = { canary: [], every: 0, maxErrors: 0, maxP95: 1, minimum: 0 };
  return { release, image: "", golden: [], rollout, keep: 1 };
}

export async function outcomeOf(
  work: VertexWork,
  at: "planned" | "done",
  plan: Plan,
  context: Context,
): Promise<Outcome> {
  const { client, before, monthly } = work;
  const name = work.endpoint;
  const endpoint = at === "planned" || name === undefined ? undefined : await client.under(context.signal).get(name);
  const url = endpoint === undefined ? "" : urlOf(endpoint, client.region);
  return {
    machine: client.region,
    address: url === "" ? "" : new URL(url).hostname,
    port: HTTPS_PORT,
    url,
    secured: true,
    service: plan.service,
    release: plan.release,
    ...(before === undefined ? {} : { before }),
    plan,
    bytesSent: 0,
    accepted: [],
    ...(monthly === undefined ? {} : { monthly }),
    ...(endpoint === undefined ? {} : { notes: notesOf(endpoint, work) }),
  };
}

function notesOf(endpoint: Endpoint, { standby, settings }: VertexWork): string[] {
  const each = nodeMonth(settings.machineType);
  const price = each === undefined ? "" : ` (${monthText(each * settings.minReplicas)})`;
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
export function nodeMonth(type: string): number | undefined {
  const hour = hourOf(type);
  return hour === undefined ? undefined : hour * PRICES.vertexFactor * HOURS_A_MONTH;
}
