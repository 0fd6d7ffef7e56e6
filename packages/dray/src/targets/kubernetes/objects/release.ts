import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.js";
import type { ConfigMap, Secret, Service } from "kubernetes-types/core/v1.js";
import type { NetworkPolicy } from "kubernetes-types/networking/v1.js";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.js";
import type { Kind, KubeObject } from "../client/kinds.ts";
import { KINDS } from "../client/kinds.ts";
import { metaOf, type Owner, PORT, releaseLabels, releaseName, envSecretName, selectorOf } from "./names.ts";
import { podSpec } from "./pod.ts";
import type { KubeWanted } from "./wanted.ts";

/** Pulling an image is not the release's fault. */
const PULL_S = 600;
const BUSY_PERCENT = 60;
const CLOUD_METADATA = "169.254.169.254/32";

/** The key of a release's own ConfigMap under which it is written down. */
export const RELEASE_KEY = "release.json";

/** What a release is, for good; its other objects go when this one goes. */
export function releaseMap(wanted: KubeWanted, record: Owner | undefined): KubeObject {
  const body = {
    metadata: metaOf(wanted.release, record),
    immutable: true,
    data: { [RELEASE_KEY]: JSON.stringify({ v: 1, ...wanted }) },
  } satisfies ConfigMap;
  return as("ConfigMap", body);
}

/** Everything that a release runs as. `secrets`: the values that its pods get. */
export function releaseObjects(
  wanted: KubeWanted,
  secrets: ReadonlyMap<string, { reveal(): string }>,
  owner: Owner | undefined,
): KubeObject[] {
  const { release, size } = wanted;
  return [
    ...(release.settings.secrets.length === 0 ? [] : [secret(wanted, secrets, owner)]),
    ...(release.settings.metadata === true ? [] : [networkPolicy(wanted, owner)]),
    deployment(wanted, owner),
    service(wanted, owner),
    ...(size.max > 1 ? [budget(wanted, owner)] : []),
    ...(size.max > size.min ? [autoscaler(wanted, owner)] : []),
  ];
}

function as(kind: Kind, body: { metadata: KubeObject["metadata"] }): KubeObject {
  return { apiVersion: KINDS[kind][0], kind, ...body };
}

function secret(
  { release }: KubeWanted,
  values: ReadonlyMap<string, { reveal(): string }>,
  owner: Owner | undefined,
): KubeObject {
  const data = release.settings.secrets.map((name): [string, string] => [
    name,
    Buffer.from(values.get(name)?.reveal() ?? "", "utf8").toString("base64"),
  ]);
  const body = {
    metadata: metaOf(release, owner, envSecretName(release.service, release.id)),
    immutable: true,
    data: Object.fromEntries(data),
  } satisfies Secret;
  return as("Secret", body);
}

/** An autoscaler's number of pods is its own: whoever applies one would take pods away that it had added. */
function deployment(wanted: KubeWanted, owner: Owner | undefined): KubeObject {
  const { release, size } = wanted;
  const body = {
    metadata: metaOf(release, owner),
    spec: {
      ...(size.max > size.min ? {} : { replicas: size.min }),
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: Math.ceil(release.settings.limits.readyMs / 1000) + PULL_S,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: 0 } },
      selector: { matchLabels: selectorOf(release) },
      template: { metadata: { labels: releaseLabels(release) }, spec: podSpec(wanted) as { containers: [] } },
    },
  } satisfies Deployment;
  return as("Deployment", body);
}

function service({ release }: KubeWanted, owner: Owner | undefined): KubeObject {
  const body = {
    metadata: metaOf(release, owner),
    spec: {
      type: "ClusterIP",
      selector: selectorOf(release),
      ports: [{ name: PORT, port: 80, targetPort: PORT, protocol: "TCP", appProtocol: "http" }],
    },
  } satisfies Service;
  return as("Service", body);
}

/** One pod at a time may be taken from a node; with a single pod a budget would keep its node from ever being emptied. */
function budget({ release }: KubeWanted, owner: Owner | undefined): KubeObject {
  const body = {
    metadata: metaOf(release, owner),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: selectorOf(release) },
    },
  } satisfies PodDisruptionBudget;
  return as("PodDisruptionBudget", body);
}

function autoscaler({ release, size }: KubeWanted, owner: Owner | undefined): KubeObject {
  const name = releaseName(release.service, release.id);
  const body = {
    metadata: metaOf(release, owner),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas: size.min,
      maxReplicas: size.max,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: BUSY_PERCENT } },
        },
      ],
      behavior: {
        scaleUp: { policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
        scaleDown: { stabilizationWindowSeconds: 300 },
      },
    },
  } satisfies HorizontalPodAutoscaler;
  return as("HorizontalPodAutoscaler", body);
}

/** The cloud's metadata, where the node's own login lies, is out of reach; all else stays as it is without a policy. */
function networkPolicy({ release }: KubeWanted, owner: Owner | undefined): KubeObject {
  const body = {
    metadata: metaOf(release, owner),
    spec: {
      podSelector: { matchLabels: selectorOf(release) },
      policyTypes: ["Egress"],
      egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0", except: [CLOUD_METADATA] } }, { ipBlock: { cidr: "::/0" } }] }],
    },
  } satisfies NetworkPolicy;
  return as("NetworkPolicy", body);
}
