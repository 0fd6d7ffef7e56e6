/** Every kind of object that is asked for, and where the API server has it. */
export const KINDS = {
  ConfigMap: ["v1", "configmaps"],
  Secret: ["v1", "secrets"],
  Service: ["v1", "services"],
  Pod: ["v1", "pods"],
  Node: ["v1", "nodes"],
  Namespace: ["v1", "namespaces"],
  Event: ["v1", "events"],
  ServiceAccount: ["v1", "serviceaccounts"],
  Deployment: ["apps/v1", "deployments"],
  ReplicaSet: ["apps/v1", "replicasets"],
  HorizontalPodAutoscaler: ["autoscaling/v2", "horizontalpodautoscalers"],
  PodDisruptionBudget: ["policy/v1", "poddisruptionbudgets"],
  NetworkPolicy: ["networking.k8s.io/v1", "networkpolicies"],
  EndpointSlice: ["discovery.k8s.io/v1", "endpointslices"],
  Lease: ["coordination.k8s.io/v1", "leases"],
  Gateway: ["gateway.networking.k8s.io/v1", "gateways"],
  HTTPRoute: ["gateway.networking.k8s.io/v1", "httproutes"],
} as const satisfies Record<string, readonly [apiVersion: string, plural: string]>;

export type Kind = keyof typeof KINDS;

/** Kinds that are in no namespace. */
const OF_THE_CLUSTER: ReadonlySet<Kind> = new Set<Kind>(["Node", "Namespace"]);

/** What every object has. */
export interface Meta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string }[];
  managedFields?: { manager?: string; operation?: string }[];
}

/** An object as it goes over the wire; a kind's own fields are its business. */
export interface KubeObject {
  apiVersion: string;
  kind: Kind;
  metadata: Meta;
}

/** The path of a kind's objects, or of one of them. `namespace`: undefined for all of them. */
export function pathOf(kind: Kind, namespace: string | undefined, name?: string): string {
  const [apiVersion, plural] = KINDS[kind];
  const group = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const within = namespace === undefined || OF_THE_CLUSTER.has(kind) ? "" : `/namespaces/${namespace}`;
  return `${group}${within}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

/** `deployments.apps`, as people and roles call it. */
export function resourceOf(kind: Kind): string {
  const [apiVersion, plural] = KINDS[kind];
  return apiVersion === "v1" ? plural : `${plural}.${apiVersion.split("/")[0]}`;
}
