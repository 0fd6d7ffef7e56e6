import type { Outcome, Order } from "../../contract/order.ts";
import type { Place, Subject } from "../../contract/place.ts";
import type { Session } from "../../contract/session.ts";
import type { Reached } from "../../contract/reached.ts";
import type { Observed, Target, TraceWanted } from "../../contract/target.ts";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import type { Plan } from "../../core/plan.ts";
import { brokenHop, type Trace } from "../../core/trace.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { call } from "../../probes/call.ts";
import { Kube } from "./client/api.ts";
import { readKubeconfig } from "./client/kubeconfig.ts";
import { doorOf } from "./gateway.ts";
import { introduce } from "./introduce.ts";
import { podLogs } from "./logs.ts";
import { releaseMap, releaseObjects } from "./objects/release.ts";
import { part, placeOf, whereIs } from "./options.ts";
import { perform } from "./perform.ts";
import { type KubeStep, planFor } from "./plan.ts";
import { wayOf } from "./prove.ts";
import { prepareRemoval } from "./remove.ts";
import { retire } from "./retire.ts";
import { liveOf, rotated, valuesFor } from "./secrets.ts";
import { serviceIn } from "./sight.ts";
import { statusReport } from "./status.ts";
import { traceCluster } from "./trace.ts";
import { kubeWantedOf } from "./wish.ts";
import { begin, type Sight, type Work } from "./work.ts";

/** A namespace of a Kubernetes cluster: each release a Deployment and a Service of its own, and a route between them. */
export const kubernetes: Target<Sight, KubeStep, Work> = {
  ...part,
  way: "kubernetes",
  needs: "nothing",
  introduce,
  places: (manifest) => [placeOf(manifest)],
  observe,
  plan: planFor,
  begin,
  perform,
  outcome: async (work, at, plan) => await Promise.resolve(outcomeOf(work, at, plan)),
  retire: async (place, left, session) => {
    using kube = await open(place, session);
    await retire(kube, left, session);
  },
  status: async ({ service, manifest, place }, _scope, session) => {
    using kube = await open(place, session);
    const [found, door] = await Promise.all([serviceIn(kube, service), doorOf(kube, manifest).catch(() => undefined)]);
    return statusReport(service, found, door?.url === undefined ? undefined : urlFor(manifest, door.url));
  },
  logs: async ({ service, place }, options, onLine, session) => {
    using kube = await open(place, session);
    await podLogs(kube, service, options, onLine);
  },
  trace,
  reach,
  remove: async ({ service, place }, session) =>
    await prepareRemoval((context) => open(place, context), { service, on: place.name, who: session.who }, session),
  can: {
    secrets: {
      list: async ({ service, place }, session) => {
        using kube = await open(place, session);
        const { secrets = [], secretFiles = [] } = liveOf(await serviceIn(kube, service))?.release.settings ?? {};
        return secrets.map((name) => ({ name, as: secretFiles.includes(name) ? ("file" as const) : ("env" as const) }));
      },
    },
  },
  lacks: {
    keys: "a policy of the Gateway's says who may call",
    metrics: "kubectl top pods shows what pods use; the Gateway counts requests",
    requests: "nothing keeps requests there",
    releases: "kubectl port-forward reaches the pods of one release",
    shadow: "a route copies requests by a filter that dray does not write yet",
    alerts: "the cluster's own monitoring is for that",
    exec: "kubectl exec opens a program beside the model",
    with: "what runs beside the model is a Deployment of its own there",
    weights: "the image brings its own, or downloads them as kubernetes: {serviceAccount}",
    inspect: "dray check does not look into a cluster yet; dray trace asks what can be asked",
    hosts: "the cluster's owner keeps the nodes",
  },
};

async function open(place: Place, { signal }: Pick<Context, "signal">): Promise<Kube> {
  const { context, namespace } = whereIs(place);
  return Kube.open(await readKubeconfig(context), namespace, signal);
}

async function observe(place: Place, order: Order, session: Session): Promise<Observed<Sight>> {
  const { manifest, want } = order;
  const kube = await open(place, session);
  try {
    const [found, door, made] = await Promise.all([
      serviceIn(kube, manifest.service),
      doorOf(kube, manifest),
      want.verb === "deploy" ? kubeWantedOf(order, session) : undefined,
    ]);
    const wanted = want.verb === "rotate" ? rotated(order, found) : made;
    const { mode } = order;
    const secrets =
      wanted === undefined ? session.secrets : await valuesFor(kube, { wanted, found, mode }, session.secrets);
    const seen = { on: place.name, found, door, kube, secrets };
    const fresh = wanted === undefined ? {} : { fresh: { wanted, ...(await dryRun(kube, wanted, secrets)) } };
    return { seen: { ...seen, ...fresh }, [Symbol.asyncDispose]: () => Promise.resolve(kube[Symbol.dispose]()) };
  } catch (error) {
    kube[Symbol.dispose]();
    throw error;
  }
}

type Fresh = NonNullable<Sight["fresh"]>;

/** What the server would make of a release's objects: it refuses now what it would refuse then. @throws Failure kubernetes.* */
async function dryRun(kube: Kube, wanted: Fresh["wanted"], secrets: Sight["secrets"]): Promise<Omit<Fresh, "wanted">> {
  const objects = [releaseMap(wanted, undefined), ...releaseObjects(wanted, secrets, undefined)];
  const made = await Promise.all(objects.map((object) => kube.apply(object, "dry")));
  const dry = made.map(({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata: { name: metadata.name } }));
  return { dry, warnings: [...kube.wire.warnings] };
}

const urlFor = (manifest: Manifest, url: string): string => {
  const { domain, prefix = "" } = manifest;
  if (domain === undefined) return `${url.replace(/\/$/, "")}${prefix}`;
  const named = new URL(url);
  named.hostname = domain;
  return `${named.href.replace(/\/$/, "")}${prefix}`;
};

function outcomeOf(work: Work, at: "planned" | "done", plan: Plan): Outcome {
  const { found, door, manifest, unreached } = work;
  const url = door.url === undefined ? "" : urlFor(manifest, door.url);
  const parsed = door.url === undefined ? undefined : new URL(door.url);
  const secured = parsed?.protocol === "https:";
  return {
    machine: plan.stages[0]?.steps[0]?.on ?? "",
    address: parsed?.hostname ?? "",
    port: Number(parsed?.port === "" || parsed === undefined ? (secured ? 443 : 80) : parsed.port),
    url,
    secured: secured || parsed === undefined,
    toSecure: "a listener of the Gateway's with HTTPS is its owner's to make",
    service: plan.service,
    release: plan.release,
    ...(found.current === undefined ? {} : { before: found.current }),
    plan,
    bytesSent: 0,
    accepted: [],
    ...(at === "done" && unreached
      ? { notes: ["nothing was asked through the Gateway: it is not reached from this computer"] }
      : {}),
  };
}

async function trace({ manifest, place }: TraceWanted, session: Session): Promise<Trace> {
  if (manifest === undefined) throw new TypeError("a cluster is traced by a manifest");
  const startedAt = performance.now();
  const golden = (await loadGolden(manifest))[0];
  const opened = async (): Promise<{ kube: Kube; door: Awaited<ReturnType<typeof doorOf>> }> => {
    const kube = await open(place ?? placeOf(manifest), session);
    return { kube, door: await doorOf(kube, manifest) };
  };
  const hops = await traceCluster(opened, { manifest, golden }, (url) => wayOf(manifest, url), session);
  const { service } = manifest;
  const walked: Trace = {
    v: 1,
    target: part.kind,
    url: `the route of ${service}`,
    service,
    reached: true,
    hops,
    ms: Math.round(performance.now() - startedAt),
  };
  return { ...walked, reached: brokenHop(walked) === undefined };
}

/** Through the Gateway, under the service's name. @throws Failure service.unknown, kubernetes.no-gateway */
async function reach(
  { manifest, place, service }: Subject,
  how: "by-name" | "there",
  session: Session,
): Promise<Reached> {
  using kube = await open(place, session);
  const [found, door] = await Promise.all([serviceIn(kube, service), doorOf(kube, manifest)]);
  if (found.current === undefined)
    throw new Failure("service.unknown", `${service} does not run in ${kube.namespace}`, {
      hint: "dray deploy --target kubernetes starts it",
    });
  if (door.url === undefined)
    throw new Failure("kubernetes.no-gateway", `the Gateway ${door.namespace}/${door.name} has no address`, {
      hint: "kubernetes: {address: URL} in the manifest says where clients reach it",
    });
  const way = wayOf(manifest, door.url);
  const base = how === "by-name" ? urlFor(manifest, door.url) : way.url;
  const named = how === "there" && way.host !== undefined ? { host: way.host } : {};
  return {
    base,
    url: base,
    call: async (options, signal = session.signal) =>
      await call(base, { ...options, headers: { ...options.headers, ...named } }, { ...session, signal }),
  };
}
