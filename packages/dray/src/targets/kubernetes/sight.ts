import type { Kube } from "./client/api.ts";
import type { KubeObject } from "./client/kinds.ts";
import { LABEL, oursOf, recordName, releaseIn } from "./objects/names.ts";
import { type ConfigMapObject, readRecord, readRelease } from "./objects/record.ts";
import { type Gateway, type HttpRoute, servedBy } from "./objects/route.ts";
import type { KubeWanted } from "./objects/wanted.ts";

/** A Deployment, as far as it matters here. */
export interface DeploymentObject extends KubeObject {
  spec?: { replicas?: number; template?: object };
  status?: {
    replicas?: number;
    readyReplicas?: number;
    observedGeneration?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** A release that is kept, and the pods it has. */
export interface KeptRelease {
  wanted: KubeWanted;
  since: string;
  /** Of its Deployment; undefined: it has none. */
  pods: { wanted: number; ready: number } | undefined;
}

/** What there is of a service in a namespace, as plain data. */
export interface Found {
  namespace: string;
  /** The release that the route leads to; what the record says, where there is no route. */
  current?: string;
  previous?: string;
  standby: boolean;
  /** Releases that had the traffic at some time; one that did not was left by a command that was killed. */
  served: readonly string[];
  /** The record's, for whoever writes the next one. */
  record?: { version: string; uid: string };
  route?: HttpRoute;
  /** Oldest first. */
  releases: KeptRelease[];
}

/** Everything of a service's, in one round. @throws Failure kubernetes.* */
export async function serviceIn(kube: Kube, service: string): Promise<Found> {
  const selector = oursOf(service);
  const [maps, deployments, route] = await Promise.all([
    kube.list<ConfigMapObject>("ConfigMap", { selector }),
    kube.list<DeploymentObject>("Deployment", { selector }),
    kube.find<HttpRoute>("HTTPRoute", service),
  ]);
  const record = maps.items.find(({ metadata }) => metadata.name === recordName(service));
  const said = record === undefined ? undefined : readRecord(record);
  const mine = route?.metadata.labels?.[LABEL.instance] === service ? route : undefined;
  // A run that was killed between the two may have switched and not noted it: clients get what the route says.
  const current = (mine && servedBy(mine)) ?? said?.current;
  const previous = current === said?.current ? said?.previous : said?.current;
  return {
    namespace: kube.namespace,
    ...(current === undefined ? {} : { current }),
    ...(previous === undefined ? {} : { previous }),
    standby: said?.standby ?? true,
    served: [...(said?.served ?? []), ...[said?.current, said?.previous, current].filter((id) => id !== undefined)],
    ...(record === undefined ? {} : { record: versionOf(record) }),
    ...(mine === undefined ? {} : { route: mine }),
    releases: maps.items
      .flatMap((map) => keptOf(map, service, deployments.items))
      .toSorted((a, b) => a.wanted.release.id.localeCompare(b.wanted.release.id)),
  };
}

/** What commands left that were killed before their release had any of the traffic. */
export function straysIn({ releases, served }: Found): string[] {
  return releases.map(({ wanted }) => wanted.release.id).filter((id) => !served.includes(id));
}

const versionOf = ({ metadata }: KubeObject): { version: string; uid: string } => ({
  version: metadata.resourceVersion ?? "",
  uid: metadata.uid ?? "",
});

function keptOf(map: ConfigMapObject, service: string, deployments: readonly DeploymentObject[]): KeptRelease[] {
  const wanted = readRelease(map);
  if (wanted === undefined) return [];
  const found = deployments.find(({ metadata }) => releaseIn(service, metadata.name) === wanted.release.id);
  const pods = found && { wanted: found.spec?.replicas ?? 1, ready: found.status?.readyReplicas ?? 0 };
  return [{ wanted, since: map.metadata.creationTimestamp ?? "", pods }];
}

/** A gateway that clients can come through, as plain data. */
export interface Door {
  namespace: string;
  name: string;
  /** Where clients reach it; undefined: it does not say. */
  url?: string;
}

/** Where clients reach a gateway: its first listener that the service's name fits. */
export function gatewayUrlOf(gateway: Gateway, domain: string | undefined): string | undefined {
  const address = gateway.status?.addresses?.[0]?.value;
  const { listeners } = gateway.spec;
  const fits = listeners.filter(({ protocol, hostname }) => /^HTTPS?$/.test(protocol) && fitsName(hostname, domain));
  const listener = fits.find(({ protocol }) => protocol === "HTTPS" && domain !== undefined) ?? fits[0];
  if (address === undefined || listener === undefined) return undefined;
  const scheme = listener.protocol === "HTTPS" ? "https" : "http";
  const usual = scheme === "https" ? 443 : 80;
  const host = address.includes(":") ? `[${address}]` : address;
  return `${scheme}://${host}${listener.port === usual ? "" : `:${listener.port}`}`;
}

function fitsName(hostname: string | undefined, domain: string | undefined): boolean {
  if (hostname === undefined || domain === undefined) return true;
  return hostname === domain || (hostname.startsWith("*.") && domain.endsWith(hostname.slice(1)));
}
