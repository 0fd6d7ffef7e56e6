import { Failure } from "../../base/failure.ts";
import type { ImageSays } from "../../oci/fetch.ts";
import type { Order } from "../../contract/order.ts";
import type { Context } from "../../core/context.ts";
import type { Release } from "../../core/release.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { inRegistry, portsOf, pushed } from "./image.ts";
import type { RunsAs, KubeWanted } from "./objects/wanted.ts";
import { kubeSettingsOf } from "./options.ts";

/** What the manifest may say, and what there is in a cluster instead. */
const INSTEAD: [keyof Manifest, string][] = [
  ["rate", "the Gateway's own policies limit callers"],
  ["once", "whether a request is sent again is up to the Gateway"],
  ["timeouts", "limits.timeout holds for every path"],
  ["alerts", "the cluster's own monitoring is for that"],
  ["requests", "nothing keeps them"],
  ["init", "a pod's program is process 1"],
  ["stopSignal", "the image's own signal is sent"],
];

/** Nodes are asked for nothing that not every user may ask, so an image of a model is made for what most nodes are. */
const ARCHITECTURE = "amd64";

/** Makes the release and puts its image where nodes find it. @throws Failure */
export async function kubeWantedOf(order: Order, context: Context): Promise<KubeWanted> {
  const { manifest, making } = order;
  refuse(manifest);
  for (const [key, instead] of INSTEAD)
    if (manifest[key] !== undefined)
      context.emit({ type: "warning", text: `${key}: is for machines; in a cluster: ${instead}` });
  const { built, cargo } = await making.build(ARCHITECTURE);
  const made = making.release(built, "");
  const placed =
    cargo === undefined
      ? await inRegistry(order, built.reference, ARCHITECTURE, context)
      : await pushed(order, cargo, { reference: built.reference, tag: made.id });
  const release = { ...made, digest: placed.digest };
  return wish(manifest, release, placed);
}

/** A release as the cluster is to run it. @throws Failure image.no-port, target.unsupported */
function wish(manifest: Manifest, release: Release, { image, says }: { image: string; says: ImageSays }): KubeWanted {
  const { maxReplicas, pullSecret, serviceAccount } = kubeSettingsOf(manifest);
  const min = release.settings.replicas;
  return {
    release,
    image,
    port: portOf(release, says),
    size: { min, max: Math.max(min, maxReplicas ?? min) },
    user: userOf(release.settings.run?.user ?? says.User ?? "", release.settings.run?.user !== undefined),
    ...(pullSecret === undefined ? {} : { pullSecret }),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
  };
}

/** What a manifest may ask for that a cluster is not given yet, and what to do instead. */
const REFUSED: readonly [asked: (manifest: Manifest) => boolean, why: string, hint: string][] = [
  [
    ({ volumes }) => volumes !== undefined,
    "volumes: are not made in a cluster yet",
    "leave them out, or deploy to a machine",
  ],
  [({ with: others }) => others !== undefined, "with: runs containers on a machine", "a Deployment of their own"],
  [
    ({ before }) => before !== undefined,
    "before: is not run in a cluster yet",
    "run it by hand before the deploy (kubectl create job), and leave before: out",
  ],
  [
    ({ keys }) => keys !== undefined && keys !== "off",
    "keys: need dray's own edge, which is not in a cluster yet",
    "keys: off, and a policy of the Gateway's; or deploy to a machine",
  ],
  [
    ({ hosts }) => Object.values(hosts ?? {}).includes("host-gateway"),
    "hosts: host-gateway stands for a machine, and a pod has none",
    "an address, or a Service's name",
  ],
  [
    ({ ready }) => ready === "healthcheck",
    "a cluster asks a route of the API, and not the image's HEALTHCHECK",
    "name the route that says when it is ready: ready: /health",
  ],
  [
    ({ rollout }) => rollout.canary.length > 0,
    "rollout: {canary} is not judged in a cluster yet",
    "leave it out: the golden request still proves a release before it answers anybody",
  ],
  [
    ({ rollout }) => rollout.shadow !== undefined,
    "rollout: {shadow} needs dray's own edge, which is not in a cluster yet",
    "leave it out, or deploy to a machine",
  ],
  [
    ({ rollout }) => rollout.order === "stop-first",
    "rollout: {order: stop-first} leaves nobody to serve, and a cluster has other nodes",
    "leave it out; smaller limits, where old and new do not fit beside each other",
  ],
];

/** A cage that is asked for and cannot be had is no cage, and a file that would be lost with its pod is no volume. */
function refuse(manifest: Manifest): void {
  const found = REFUSED.find(([asked]) => asked(manifest));
  if (found === undefined) return;
  const [, why, hint] = found;
  throw new Failure("target.unsupported", why, { hint });
}

function portOf(release: Release, says: ImageSays): number {
  const { port } = release.settings;
  const [only, ...more] = portsOf(says);
  const found = port ?? (more.length === 0 ? only : undefined);
  if (found !== undefined) return found;
  throw new Failure("image.no-port", `${release.image} does not say which one port it listens on`, {
    hint: "port: NUMBER in the manifest; a cluster has to know it before the first pod starts",
  });
}

/** `asked`: the manifest names the user, not only the image. */
function userOf(user: string, asked: boolean): RunsAs {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(user) ?? [];
  if (uid !== undefined) return { uid: Number(uid), ...(gid === undefined ? {} : { gid: Number(gid) }) };
  if (!asked || user === "") return {};
  throw new Failure("target.unsupported", `a cluster knows users by their numbers, and user: ${user} is a name`, {
    hint: `user: NUMBER; docker run --rm IMAGE id -u ${user} says which one`,
  });
}
