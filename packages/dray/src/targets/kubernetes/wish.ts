import { Failure } from "../../base/failure.ts";
import type { ImageSays } from "../../base/registry/fetch.ts";
import type { Order } from "../../contract/order.ts";
import type { Context } from "../../core/context.ts";
import type { Release } from "../../core/release.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { inRegistry, portsOf, pushed } from "./image.ts";
import type { RunsAs, Wanted } from "./objects/wanted.ts";
import { settingsOf } from "./options.ts";

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
export async function wantedOf(order: Order, context: Context): Promise<Wanted> {
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
function wish(manifest: Manifest, release: Release, { image, says }: { image: string; says: ImageSays }): Wanted {
  const { maxReplicas, pullSecret, serviceAccount } = settingsOf(manifest);
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

/** A cage that is asked for and cannot be had is no cage, and a file that would be lost with its pod is no volume. */
function refuse({ volumes, keys, hosts }: Manifest): void {
  const say = (message: string, hint: string): never => {
    throw new Failure("target.unsupported", message, { hint });
  };
  if (volumes !== undefined) say("volumes: are not made in a cluster yet", "leave them out, or deploy to a machine");
  if (keys !== undefined && keys !== "off")
    say(
      "keys: need dray's own edge, which is not in a cluster yet",
      "keys: off, and a policy of the Gateway's; or deploy to a machine",
    );
  if (Object.values(hosts ?? {}).includes("host-gateway"))
    say("hosts: host-gateway stands for a machine, and a pod has none", "an address, or a Service's name");
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
