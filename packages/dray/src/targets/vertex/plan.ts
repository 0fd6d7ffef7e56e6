import { Failure } from "../../base/failure.ts";
import type { Change, Plan, Stage, Step } from "../../core/plan.ts";
import type { Deployment } from "./deployment.ts";
import {
  CURRENT,
  type DeployedModel,
  type Endpoint,
  type Model,
  PREVIOUS,
  RELEASE,
  type VertexSettings,
} from "./resources.ts";

/** What is done on Vertex AI, as data. */
export type VertexStep = Step &
  (
    | { kind: "model" }
    | { kind: "endpoint" }
    | { kind: "deploy" }
    | { kind: "share"; share: number }
    | { kind: "watch"; share: number; ms: number }
    | { kind: "prove" }
    | { kind: "undeploy"; deployed: string; split: Record<string, number> | undefined }
    | { kind: "delete"; name: string }
  );

/** What there is of a service. */
export interface Seen {
  endpoint: Endpoint | undefined;
  models: readonly Model[];
}

/** The releases that are deployed, by what the endpoint's labels say of them. */
export function rolesOf({ endpoint }: Seen): {
  current: DeployedModel | undefined;
  previous: DeployedModel | undefined;
  strays: DeployedModel[];
} {
  const deployed = endpoint?.deployedModels ?? [];
  const of = (label: string): DeployedModel | undefined =>
    deployed.find((each) => each.displayName !== undefined && each.displayName === endpoint?.labels?.[label]);
  // A first deploy that was killed before its record: what has all of the traffic is the current release.
  const current = of(CURRENT) ?? deployed.find(({ id }) => endpoint?.trafficSplit?.[id] === 100);
  const previous = of(PREVIOUS) === current ? undefined : of(PREVIOUS);
  return { current, previous, strays: deployed.filter((each) => each !== current && each !== previous) };
}

/** What a deploy does; pure. What an interrupted one left is cleared away first, since it is paid for. */
export function planDeploy(order: Deployment, seen: Seen, settings: VertexSettings): Plan<VertexStep> {
  const { release, rollout } = order;
  const on = settings.region;
  const { current, previous, strays } = rolesOf(seen);
  const shares = current === undefined ? [] : rollout.canary;
  const undo = (title: string, steps: VertexStep[]): Stage<VertexStep> => ({ title, steps, onFailure: "undo" });
  const warn = (title: string, steps: VertexStep[]): Stage<VertexStep> => ({ title, steps, onFailure: "warn" });
  const former = [
    ...(previous === undefined ? [] : [undeployStep(on, previous, "two releases ago")]),
    ...(current === undefined || settings.standby ? [] : [undeployStep(on, current, "no standby")]),
  ];
  const stages = [
    ...undeployAll(on, strays, current, "left by an interrupted deploy").map((step) => warn("clear away", [step])),
    undo("model and endpoint", [
      { kind: "model", on, title: `upload the model ${release.service}` },
      ...(seen.endpoint === undefined ? [{ kind: "endpoint" as const, on, title: "make its endpoint" }] : []),
    ]),
    undo("deploy", [
      {
        kind: "deploy",
        on,
        title: `deploy it on ${nodesText(settings.minReplicas, settings.maxReplicas, settings.machineType)} (some minutes)`,
      },
    ]),
    ...shares.flatMap((share) => [
      undo(`${share} %`, [{ kind: "share", on, title: `give it ${share} % of the traffic`, share }]),
      undo(`watch ${share} %`, [{ kind: "watch", on, title: `watch it with ${share} %`, share, ms: rollout.every }]),
    ]),
    ...(current === undefined
      ? []
      : [undo("switch", [{ kind: "share", on, title: "give it all of the traffic", share: 100 }])]),
    undo("prove", [
      { kind: "prove", on, title: order.golden.length > 0 ? "golden requests" : "no golden request: nothing is asked" },
    ]),
    ...(rollout.bake === undefined || current === undefined
      ? []
      : [
          undo("bake", [
            { kind: "watch" as const, on, title: "watch it with all of it", share: 100, ms: rollout.bake },
          ]),
        ]),
    warn("undeploy", former),
    warn(
      "delete",
      surplus(order, seen, [current?.displayName, previous?.displayName]).map((model) => ({
        kind: "delete" as const,
        on,
        title: `delete the release ${model.labels?.[RELEASE]}`,
        name: `${model.name}@${model.versionId}:deleteVersion`,
      })),
    ),
  ].filter(({ steps }) => steps.length > 0);
  return { service: release.service, release: release.id, stages, changes: changesOf(order, seen, settings) };
}

function undeployStep(on: string, each: DeployedModel, why: string, split?: Record<string, number>): VertexStep {
  return { kind: "undeploy", on, title: `undeploy ${each.displayName} (${why})`, deployed: each.id, split };
}

/** One after the other, since nothing goes that has traffic: it is given to `keep`, or to the last that is left. */
export function undeployAll(
  on: string,
  all: readonly DeployedModel[],
  keep: DeployedModel | undefined,
  why: string,
): VertexStep[] {
  const last = keep ?? all.at(-1);
  return all.map((each) =>
    undeployStep(on, each, why, last === undefined || last === each ? undefined : { [last.id]: 100 }),
  );
}

/** Versions beyond `keep`, oldest first; those that are deployed stay. */
function surplus(order: Deployment, { models }: Seen, deployed: readonly (string | undefined)[]): Model[] {
  const sorted = models.toSorted((a, b) => (a.labels?.[RELEASE] ?? "").localeCompare(b.labels?.[RELEASE] ?? ""));
  const free = sorted.filter((model) => !deployed.includes(model.labels?.[RELEASE]));
  return free.slice(0, Math.max(0, models.length + 1 - order.keep));
}

function changesOf({ release, image }: Deployment, seen: Seen, settings: VertexSettings): Change[] {
  const { current } = rolesOf(seen);
  const before = seen.models.find((model) => model.labels?.[RELEASE] === current?.displayName)?.containerSpec?.imageUri;
  const nodes = nodesText(settings.minReplicas, settings.maxReplicas, settings.machineType);
  const was = current && nodesOf(current);
  return [
    ...(seen.endpoint === undefined ? [{ what: "endpoint", after: `${release.service} in ${settings.region}` }] : []),
    ...(before === image ? [] : [{ what: "image", ...(before === undefined ? {} : { before }), after: image }]),
    ...(was === nodes ? [] : [{ what: "nodes", ...(was === undefined ? {} : { before: was }), after: nodes }]),
  ];
}

export function nodesOf({ dedicatedResources }: DeployedModel): string {
  const { machineSpec, minReplicaCount = 1, maxReplicaCount = minReplicaCount } = dedicatedResources ?? {};
  return nodesText(minReplicaCount, maxReplicaCount, machineSpec?.machineType ?? "?");
}

function nodesText(min: number, max: number, type: string): string {
  return `${min === max ? min : `${min}-${max}`} x ${type}`;
}

/** Back to a release: by a change of shares where it is deployed; else it is deployed again. @throws Failure release.* */
export function planRollback(
  service: string,
  asked: string | undefined,
  seen: Seen,
  region: string,
): { plan: Plan<VertexStep>; to: string; model: Model | undefined } {
  const { current, previous, strays } = rolesOf(seen);
  if (seen.endpoint === undefined || current === undefined) {
    throw new Failure("service.unknown", `${service} does not run on Vertex AI in ${region}`, {
      hint: "dray status --target vertex; dray deploy --target vertex starts it",
    });
  }
  const kept = seen.models.flatMap((model) => model.labels?.[RELEASE] ?? []).filter((id) => id !== current.displayName);
  // An abandoned trial is rolled back to the release that holds the rest of the traffic.
  const tried = strays.some(({ id }) => (seen.endpoint?.trafficSplit?.[id] ?? 0) > 0);
  const back = asked === undefined && tried ? current.displayName : undefined;
  const to = asked ?? back ?? previous?.displayName ?? kept.toSorted().at(-1);
  if (to === undefined)
    throw new Failure("release.none-before", `${current.displayName} is the first release of ${service}`, {
      hint: "there is nothing to go back to yet",
    });
  const model = seen.models.find((each) => each.labels?.[RELEASE] === to);
  if (model === undefined || (to === current.displayName && back === undefined)) {
    throw new Failure(
      "release.unknown",
      to === current.displayName ? `${to} has the traffic already` : `${to} is not kept`,
      {
        hint: kept.length > 0 ? `kept: ${kept.join(", ")}` : "no other release is kept",
      },
    );
  }
  const on = region;
  const there = seen.endpoint.deployedModels?.some((each) => each.displayName === to) === true;
  const steps: VertexStep[] = there ? [] : [{ kind: "deploy", on, title: "deploy it again (some minutes)" }];
  const stages: Stage<VertexStep>[] = [
    { title: "deploy", steps, onFailure: "undo" as const },
    {
      title: "switch",
      steps: [{ kind: "share" as const, on, title: `give ${to} all of the traffic`, share: 100 }],
      onFailure: "undo" as const,
    },
  ].filter((stage) => stage.steps.length > 0);
  const changes = [{ what: "release", before: current.displayName ?? "", after: to }];
  return { plan: { service, release: to, stages, changes }, to, model };
}
