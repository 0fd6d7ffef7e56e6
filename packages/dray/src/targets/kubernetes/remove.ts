import { deadline, sleep } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import type { Session } from "../../contract/session.ts";
import type { Context } from "../../core/context.ts";
import type { Prepared } from "../../core/prepared.ts";
import type { Report } from "../../core/report.ts";
import type { Kube } from "./client/api.ts";
import type { Kind, KubeObject } from "./client/kinds.ts";
import { takeLease } from "./lease.ts";
import { oursOf, recordName } from "./objects/names.ts";

/** Every kind that we make, the first of them first to go: clients come through it. */
const KINDS: readonly Kind[] = [
  "HTTPRoute",
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "Deployment",
  "Service",
  "NetworkPolicy",
  "Secret",
  "ConfigMap",
  "Lease",
];
const PATIENCE_MS = 30_000;
const EVERY_MS = 100;

async function everything(kube: Kube, service: string): Promise<KubeObject[]> {
  const lists = await Promise.all(KINDS.map((kind) => kube.list(kind, { selector: oursOf(service) })));
  // A list's items do not say their kind.
  return lists.flatMap(({ items }, index) => items.map((item) => ({ ...item, kind: KINDS[index] ?? item.kind })));
}

/** Takes everything of a service's away, and nothing else. @throws Failure service.unknown */
export async function prepareRemoval(
  open: (context: Context) => Promise<Kube>,
  { service, on, who }: { service: string; on: string; who: string },
  session: Session,
): Promise<Prepared<Report>> {
  using kube = await open(session);
  const there = await everything(kube, service);
  if (there.length === 0)
    throw new Failure("service.unknown", `there is nothing of ${service} in ${kube.namespace}`, {
      hint: "dray deploy --target kubernetes starts it",
    });
  const stages = [
    { title: "route", steps: [{ kind: "remove", on, title: "take the route away" }], onFailure: "stop" as const },
    {
      title: "releases",
      steps: [{ kind: "remove", on, title: "take its releases away, and the record" }],
      onFailure: "stop" as const,
    },
  ];
  const changes = there.map(({ kind, metadata }) => ({ what: kind, before: metadata.name }));
  return {
    plan: { service, release: "", stages, changes },
    perform: async (context) => {
      using at = await open(context);
      await takeAway(at, service, who, context);
      const done = [`${service} is gone from ${at.namespace}: ${there.length} objects`];
      const costs = ["its images are still in the registry", "pods that had requests end when those are answered"];
      return { data: { machine: on, done, costs }, text: [...done, ...costs] };
    },
  };
}

async function takeAway(kube: Kube, service: string, who: string, context: Context): Promise<void> {
  const lock = await takeLease(kube, service, who, context.signal);
  try {
    await kube.remove("HTTPRoute", service);
    const releases = (await everything(kube, service)).filter(
      ({ kind, metadata }) => kind === "ConfigMap" && metadata.name !== recordName(service),
    );
    for (const { metadata } of releases) await kube.remove("ConfigMap", metadata.name);
    // What belongs to a release is taken away by the cluster; whatever belongs to none any more, by us.
    const strays = (await everything(kube, service)).filter(
      ({ kind, metadata }) => kind !== "ConfigMap" && kind !== "Lease" && (metadata.ownerReferences ?? []).length === 0,
    );
    for (const { kind, metadata } of strays) await kube.remove(kind, metadata.name);
    await untilGone(kube, service, context);
  } finally {
    await lock.release(kube).catch(() => undefined);
  }
  await kube.remove("ConfigMap", recordName(service));
  await kube.remove("Lease", recordName(service));
}

async function untilGone(kube: Kube, service: string, { signal }: Context): Promise<void> {
  using limit = deadline(PATIENCE_MS, signal);
  for (;;) {
    const left = (await everything(kube, service)).filter(({ metadata }) => metadata.name !== recordName(service));
    if (left.length === 0) return;
    signal.throwIfAborted();
    if (limit.signal.aborted)
      throw new Failure(
        "kubernetes.failed",
        `the cluster has not taken away: ${left.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(", ")}`,
        {
          hint: "does its controller manager run? the same command goes on from here",
        },
      );
    await sleep(EVERY_MS, signal);
  }
}
