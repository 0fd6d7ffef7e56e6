import { expect, test } from "vitest";
import { Kube } from "./client/api.ts";
import { doomOf, lateOf, type PodObject, refusedPods } from "./diagnose.ts";
import { kubeWanted, releaseOf } from "../../../../../test/contract/releases.ts";

const WANTED = kubeWanted(releaseOf("r1", { ready: "/health", limits: { readyMs: 30_000 } }));

/** Nothing listens there: logs that cannot be read hide no fault. */
const nowhere = (): Kube =>
  Kube.open(
    { context: "x", server: "http://127.0.0.1:1", namespace: "team", insecure: false, login: {} },
    undefined,
    new AbortController().signal,
  );

type Status = NonNullable<NonNullable<PodObject["status"]>["containerStatuses"]>[number];

const podOf = (status: Partial<Status>): PodObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "decisions-r1-x", namespace: "team" },
  status: { containerStatuses: [{ name: "model", restartCount: 0, ...status }] },
});
const waiting = (reason: string, message: string): PodObject => podOf({ state: { waiting: { reason, message } } });
const ended = (exitCode: number, seconds: number, reason: string = "Error"): PodObject => {
  const finishedAt = new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
  return podOf({
    restartCount: 1,
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated: { exitCode, reason, startedAt: "2026-01-01T00:00:00Z", finishedAt } },
  });
};

/** Each fault by the words that it is known by. */
test.each<[string, PodObject, string]>([
  [
    "an image that is not there",
    waiting("ErrImagePull", 'failed to resolve reference "registry/x:1": registry/x:1: not found'),
    "image.not-found",
  ],
  [
    "a registry that wants a login",
    waiting("ImagePullBackOff", "failed to authorize: failed to fetch anonymous token: 401 Unauthorized"),
    "registry.unauthorized",
  ],
  [
    "another processor's image",
    waiting("ErrImagePull", "no match for platform in manifest: not found"),
    "image.wrong-arch",
  ],
  ["a name that is none", waiting("InvalidImageName", "couldn't parse image name"), "image.bad-name"],
  [
    "root where it must not be",
    waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
    "kubernetes.policy",
  ],
  [
    "a program that is not there",
    waiting("RunContainerError", 'exec: "serve": executable file not found in $PATH'),
    "image.no-command",
  ],
  [
    "a key that is missing",
    waiting("CreateContainerConfigError", "couldn't find key TOKEN in Secret team/x"),
    "release.crashed",
  ],
  ["an exit", ended(1, 2), "release.crashed"],
  ["too little memory", ended(137, 2, "OOMKilled"), "release.out-of-memory"],
  ["a probe that was never answered", ended(137, 30), "release.not-ready"],
])("%s ends the waiting", async (_what, pod, code) => {
  expect((await doomOf([pod], WANTED, nowhere()))?.code).toBe(code);
});

test.each([
  ["an image that is on its way", waiting("ContainerCreating", "")],
  ["a registry that is not reached at the moment", waiting("ErrImagePull", "dial tcp: i/o timeout")],
  [
    "a kubelet whose view is a moment old",
    waiting("CreateContainerConfigError", "failed to sync secret cache: timed out waiting for the condition"),
  ],
  ["a program that starts", podOf({ state: { running: {} } })],
])("%s is waited for", async (_what, pod) => {
  expect(await doomOf([pod], WANTED, nowhere())).toBeUndefined();
});

test("when the time is over, the scheduler's own words say why no node took a pod", () => {
  const message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.";
  const pod = {
    ...podOf({}),
    status: { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }] },
  };
  expect(lateOf([pod], WANTED)).toMatchObject({
    code: "kubernetes.no-room",
    message: expect.stringContaining(message) as string,
  });
  expect(lateOf([], WANTED).code).toBe("release.not-ready");
});

test("pods that were refused are nowhere to be seen: their Deployment says it", () => {
  const message = 'pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile';
  const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }];
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment" as const,
    metadata: { name: "x" },
    status: { conditions },
  };
  expect(refusedPods(deployment)?.code).toBe("kubernetes.policy");
  expect(refusedPods({ ...deployment, status: {} })).toBeUndefined();
});
