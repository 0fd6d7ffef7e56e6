import type { PolicyRule, Role } from "kubernetes-types/rbac/v1.js";

const MAKE = ["create", "patch", "delete"];
const rule = (apiGroups: string, resources: string[], verbs: string[]): PolicyRule => ({
  apiGroups: [apiGroups],
  resources,
  verbs,
});

/** The least that a user must be allowed in a namespace for every verb of dray's; the tests work with nothing more. */
const RULES: readonly PolicyRule[] = [
  // The record, and what each release is.
  rule("", ["configmaps"], ["get", "list", "update", ...MAKE]),
  // A release's own secrets, and the live ones' values for the next.
  rule("", ["secrets"], ["get", "list", ...MAKE]),
  rule("", ["services"], ["list", ...MAKE]),
  // Golden requests before a release gets any of the traffic: one verb for each method of HTTP.
  rule("", ["services/proxy"], ["get", "create", "update", "patch", "delete"]),
  // Why a pod is not ready, and what it says.
  rule("", ["pods"], ["list", "watch"]),
  rule("", ["pods/log"], ["get"]),
  rule("", ["events"], ["list"]),
  rule("apps", ["deployments"], ["list", "watch", ...MAKE]),
  rule("apps", ["deployments/scale"], ["patch"]),
  rule("autoscaling", ["horizontalpodautoscalers"], ["list", ...MAKE]),
  rule("policy", ["poddisruptionbudgets"], ["list", ...MAKE]),
  rule("networking.k8s.io", ["networkpolicies"], ["list", ...MAKE]),
  rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
  rule("gateway.networking.k8s.io", ["httproutes"], ["get", "list", "watch", ...MAKE]),
  // The lock.
  rule("coordination.k8s.io", ["leases"], ["get", "list", "create", "update", "delete"]),
];

/** The Role for whoever deploys to a namespace, as the cluster's owner applies it. */
export function deployerRole(namespace: string): object {
  const body = { metadata: { name: "drayage-deployer", namespace }, rules: [...RULES] } satisfies Role;
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", ...body };
}
