import { expect, test } from "vitest";
import { refusal, type Status } from "./refusal.ts";

const asked = { verb: "patch", resource: "deployments.apps", namespace: "team", name: "decisions-r1" };

/** As an API server of 1.34 says them. */
const RECORDED: [string, Status, string, RegExp][] = [
  [
    "an ended login",
    { code: 401, reason: "Unauthorized", message: "Unauthorized" },
    "kubernetes.login",
    /does not accept the kubeconfig's login/,
  ],
  [
    "a missing permission",
    {
      code: 403,
      reason: "Forbidden",
      message:
        'deployments.apps "decisions-r1" is forbidden: User "system:serviceaccount:team:ci" cannot patch resource "deployments" in API group "apps" in the namespace "team"',
    },
    "kubernetes.denied",
    /^system:serviceaccount:team:ci may not patch deployments\.apps in team$/,
  ],
  [
    "another owner of a field",
    {
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "argocd-controller" using apps/v1: .spec.replicas',
      details: {
        causes: [
          {
            reason: "FieldManagerConflict",
            message: 'conflict with "argocd-controller" using apps/v1',
            field: ".spec.replicas",
          },
        ],
      },
    },
    "kubernetes.taken",
    /\.spec\.replicas belongs to argocd-controller$/,
  ],
  [
    "another version than the one that was read",
    {
      code: 409,
      reason: "Conflict",
      message: "the object has been modified; please apply your changes to the latest version",
    },
    "kubernetes.changed",
    /was changed by somebody else/,
  ],
  [
    "a value that is not allowed",
    {
      code: 422,
      reason: "Invalid",
      message: "Deployment.apps is invalid",
      details: {
        causes: [
          {
            reason: "FieldValueInvalid",
            message: "Invalid value: -1: must be greater than or equal to 0",
            field: "spec.replicas",
          },
        ],
      },
    },
    "kubernetes.invalid",
    /spec\.replicas: Invalid value: -1/,
  ],
  [
    "a field that an older cluster does not know",
    {
      code: 400,
      reason: "BadRequest",
      message: 'strict decoding error: unknown field "spec.template.spec.containers[0].lifecycle.preStop.sleep"',
    },
    "kubernetes.invalid",
    /does not know spec\.template\.spec\.containers\[0\]\.lifecycle\.preStop\.sleep$/,
  ],
  [
    "a field that an apply's schema lacks",
    {
      code: 500,
      message:
        "failed to create typed patch object (/decisions-r8; apps/v1, Kind=Deployment): .spec.nonsense: field not declared in schema",
    },
    "kubernetes.invalid",
    /does not know \.spec\.nonsense$/,
  ],
  [
    "a quota",
    {
      code: 403,
      reason: "Forbidden",
      message: 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4',
    },
    "kubernetes.quota",
    /quota small does not allow it: requested: pods=1, used: pods=4, limited: pods=4$/,
  ],
  [
    "pod security",
    {
      code: 403,
      reason: "Forbidden",
      message: 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
    },
    "kubernetes.policy",
    /only pods that are restricted:latest: runAsNonRoot != true$/,
  ],
  [
    "a webhook that says no",
    {
      code: 400,
      message: 'admission webhook "policy.acme.io" denied the request: images must come from registry.acme.io',
    },
    "kubernetes.webhook",
    /policy\.acme\.io refuses it: images must come from/,
  ],
  [
    "a webhook that is not there",
    {
      code: 500,
      reason: "InternalError",
      message: 'Internal error occurred: failed calling webhook "policy.acme.io": connection refused',
    },
    "kubernetes.webhook",
    /policy\.acme\.io did not answer: connection refused$/,
  ],
  [
    "something else",
    { code: 503, message: "etcdserver: leader changed" },
    "kubernetes.failed",
    /etcdserver: leader changed$/,
  ],
];

test.each(RECORDED)("%s is a failure of its own", (_what, status, code, words) => {
  const failure = refusal(status, asked);
  expect(failure.code).toBe(code);
  expect(failure.message).toMatch(words);
  expect(failure.hint).toBeDefined();
});
