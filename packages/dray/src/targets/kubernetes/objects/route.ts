import type { KubeObject } from "../client/kinds.ts";
import { type Owner, releaseIn, releaseName, serviceLabels } from "./names.ts";

/** The header in which every answer says which release gave it. */
const RELEASE_HEADER = "x-dray-release";

interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  observedGeneration?: number;
}

interface ParentRef {
  name: string;
  namespace?: string;
}

/** As far as it is ours: the API's own types are of a package that Node 20 does not run. */
export interface HttpRoute extends KubeObject {
  spec: {
    parentRefs: ParentRef[];
    hostnames?: string[];
    rules: {
      matches?: { path: { type: "PathPrefix"; value: string } }[];
      filters?: object[];
      backendRefs: { name: string; port: number; weight: number }[];
      timeouts?: { request: string };
    }[];
  };
  status?: { parents?: { parentRef: ParentRef; controllerName: string; conditions?: Condition[] }[] };
}

export interface Gateway extends KubeObject {
  spec: {
    gatewayClassName: string;
    listeners: { name: string; hostname?: string; port: number; protocol: string }[];
  };
  status?: { addresses?: { type?: string; value: string }[]; conditions?: Condition[] };
}

/** How clients come to a service. */
export interface RouteFront {
  service: string;
  gateway: { namespace: string; name: string };
  domain?: string | undefined;
  prefix?: string | undefined;
  timeoutMs: number;
}

/** The route of a service to one release. A release that has no share is not named: weight 0 means different things to gateways. */
export function routeTo(
  { service, gateway, domain, prefix, timeoutMs }: RouteFront,
  release: string,
  owner: Owner | undefined,
): HttpRoute {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: {
      name: service,
      labels: serviceLabels(service),
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: {
      parentRefs: [gateway],
      ...(domain === undefined ? {} : { hostnames: [domain] }),
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: prefix ?? "/" } }],
          filters: [
            ...(prefix === undefined ? [] : below(prefix)),
            {
              type: "ResponseHeaderModifier",
              responseHeaderModifier: { set: [{ name: RELEASE_HEADER, value: release }] },
            },
          ],
          backendRefs: [{ name: releaseName(service, release), port: 80, weight: 1 }],
          timeouts: { request: durationOf(timeoutMs) },
        },
      ],
    },
  };
}

/** A Gateway's durations have five digits at most. */
const durationOf = (ms: number): string => (ms < 10_000 ? `${ms}ms` : `${Math.ceil(ms / 1000)}s`);

/** The API itself sees its own paths, and below which one it is. */
function below(prefix: string): object[] {
  const path = { type: "ReplacePrefixMatch", replacePrefixMatch: "/" };
  return [
    { type: "URLRewrite", urlRewrite: { path } },
    { type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-forwarded-prefix", value: prefix }] } },
  ];
}

/** The release that a route leads to, all of it. */
export function servedBy({ metadata, spec }: HttpRoute): string | undefined {
  const backends = spec.rules.flatMap(({ backendRefs }) => backendRefs);
  const [first] = backends;
  return first === undefined || backends.length > 1 ? undefined : releaseIn(metadata.name, first.name);
}

/** What a gateway says of a route. Undefined: it has not looked at this version of it yet. */
export function verdictOn(route: HttpRoute): { taken: boolean; why: string } | undefined {
  const { generation = 0 } = route.metadata;
  const conditions = (route.status?.parents ?? []).flatMap((parent) => parent.conditions ?? []);
  const fresh = conditions.filter(({ observedGeneration = 0 }) => observedGeneration >= generation);
  const refused = fresh.find(
    ({ type, status }) => (type === "Accepted" || type === "ResolvedRefs") && status === "False",
  );
  if (refused !== undefined) return { taken: false, why: `${refused.reason}: ${refused.message}` };
  const good = (wanted: string): boolean => fresh.some(({ type, status }) => type === wanted && status === "True");
  return good("Accepted") && good("ResolvedRefs") ? { taken: true, why: "" } : undefined;
}
