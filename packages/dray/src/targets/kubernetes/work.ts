import type { Order } from "../../contract/order.ts";
import type { Golden } from "../../core/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Kube } from "./client/api.ts";
import type { Lock } from "./lease.ts";
import type { Owner } from "./objects/names.ts";
import type { HttpRoute } from "./objects/route.ts";
import type { KubeWanted } from "./objects/wanted.ts";
import { goingBackTo, type Seen } from "./plan.ts";
import type { Door, Found } from "./sight.ts";

/** What a plan is made of, and the connection that it was seen through. */
export interface Sight extends Seen {
  kube: Kube;
  /** The values of a new release's secrets. */
  secrets: ReadonlyMap<string, { reveal(): string }>;
}

/** What a plan's steps hand on to each other. */
export interface Work {
  kube: Kube;
  manifest: Manifest;
  found: Found;
  door: Door;
  wanted: KubeWanted;
  golden: readonly Golden[];
  secrets: Sight["secrets"];
  lock?: Lock;
  /** The record, once it is there: the version that we may replace. */
  record?: { version: string; owner: Owner; made: boolean };
  /** The route as it was. */
  before?: HttpRoute;
  /** Clients could not be played from here. */
  unreached: boolean;
}

export function begin(order: Order, sight: Sight): Work {
  const { kube, found, door, fresh, secrets } = sight;
  const { want, manifest, golden } = order;
  const wanted =
    fresh?.wanted ?? goingBackTo(manifest.service, want.verb === "rollback" ? want.to : undefined, found).wanted;
  return { kube, manifest, found, door, wanted, golden, secrets, unreached: false };
}
