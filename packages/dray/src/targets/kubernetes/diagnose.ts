import { asFailure, Failure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import type { KubeObject } from "./client/kinds.ts";
import { refusal } from "./client/refusal.ts";
import { probeSaid, warningsOf } from "./events.ts";
import { MODEL_CONTAINER } from "./objects/names.ts";
import type { KubeWanted } from "./objects/wanted.ts";
import type { DeploymentObject } from "./sight.ts";

interface Waiting {
  reason?: string;
  message?: string;
}

interface Ended {
  exitCode: number;
  reason?: string;
  startedAt?: string;
  finishedAt?: string;
}

interface ContainerState {
  waiting?: Waiting;
  terminated?: Ended;
  running?: { startedAt?: string };
}

/** A pod, as far as it matters here. */
export interface PodObject extends KubeObject {
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: {
      name: string;
      restartCount: number;
      ready?: boolean;
      state?: ContainerState;
      lastState?: ContainerState;
    }[];
  };
}

const LINES = "10";
/** SIGKILL after SIGTERM, and SIGTERM: what the kubelet ends a container with. */
const KILLED = new Set([137, 143]);
const NEARLY_MS = 2000;

/** What is wrong with pods that no waiting mends; undefined: they may still become ready. */
export async function doomOf(pods: readonly PodObject[], wanted: KubeWanted, kube: Kube): Promise<Failure | undefined> {
  for (const pod of pods) {
    const status = pod.status?.containerStatuses?.find(({ name }) => name === MODEL_CONTAINER);
    const waiting = status?.state?.waiting;
    const failure = waiting === undefined ? undefined : (ofImage(waiting, wanted) ?? ofConfig(waiting, wanted));
    if (failure !== undefined) return failure;
    // One that has just ended for the second time shows how it ended as its state, not as its last one.
    const ended = status?.state?.terminated ?? status?.lastState?.terminated;
    if (
      status !== undefined &&
      ended !== undefined &&
      (status.restartCount > 0 || status.state?.terminated !== undefined)
    )
      return await ofEnd(pod, ended, wanted, kube);
  }
  return undefined;
}

/**
 * One that runs for longer than it may take to become ready, and is not. The kubelet ends it, too, but it asks politely first
 * and waits. The API server's clock counts.
 */
export async function overdueOf(
  pods: readonly PodObject[],
  wanted: KubeWanted,
  kube: Kube,
): Promise<Failure | undefined> {
  const { readyMs } = wanted.release.settings.limits;
  const late = pods.find(({ status }) => {
    const model = status?.containerStatuses?.find(({ name }) => name === MODEL_CONTAINER);
    const startedAt = model?.ready === true ? undefined : model?.state?.running?.startedAt;
    return startedAt !== undefined && kube.now() - Date.parse(startedAt) > readyMs + NEARLY_MS;
  });
  if (late === undefined) return undefined;
  return notReady(wanted, await lastLines(late, kube), probeSaid(await warningsOf(kube, [late])));
}

type Row = [RegExp, (text: string, wanted: KubeWanted) => Failure];

/** Refusals of a registry, by words that they have in them. A registry that is not reached may be so in a moment. */
const IMAGE: Row[] = [
  [
    /no match for platform|exec format/i,
    (text, { image }) =>
      new Failure("image.wrong-arch", `${image} is not for the nodes' processor`, {
        hint: "docker build --platform linux/ARCH",
        details: [text],
      }),
  ],
  [
    /not found|manifest unknown|does not exist/i,
    (text, { image }) =>
      new Failure("image.not-found", `the nodes do not find ${image}`, {
        hint: "is it in the registry, and spelt so? docker manifest inspect",
        details: [text],
      }),
  ],
  [
    /unauthorized|authentication required|no basic auth|401|403|denied/i,
    (text, { image, pullSecret }) =>
      new Failure("registry.unauthorized", `the nodes may not pull ${image}`, {
        hint:
          pullSecret === undefined
            ? "kubectl create secret docker-registry NAME ..., and kubernetes: {pullSecret: NAME}; or let the nodes' own account read the registry"
            : `is the login in the secret ${pullSecret} of this registry, and still good?`,
        details: [text],
      }),
  ],
];

function ofImage({ reason = "", message = "" }: Waiting, wanted: KubeWanted): Failure | undefined {
  if (reason === "InvalidImageName")
    return new Failure("image.bad-name", `${wanted.image} cannot be an image's name`, { details: [message] });
  if (reason !== "ErrImagePull" && reason !== "ImagePullBackOff") return undefined;
  return IMAGE.find(([words]) => words.test(message))?.[1](message, wanted);
}

/** The kubelet's own view of a Secret that was just made may be a moment old. */
const CACHE = /failed to sync \w+ cache|timed out waiting for the condition/;

function ofConfig({ reason = "", message = "" }: Waiting, { image }: KubeWanted): Failure | undefined {
  if (reason !== "CreateContainerConfigError" && reason !== "CreateContainerError" && reason !== "RunContainerError")
    return undefined;
  if (CACHE.test(message)) return undefined;
  if (/runAsNonRoot|non-numeric user/.test(message))
    return new Failure("kubernetes.policy", `${image} runs as root or as a user with a name, and its pods must not`, {
      hint: "USER 1000 in the Dockerfile, or user: 1000 in the manifest",
      details: [message],
    });
  if (/exec format error/.test(message))
    return new Failure("image.wrong-arch", `${image} is not for the nodes' processor`, {
      hint: "docker build --platform linux/ARCH",
      details: [message],
    });
  if (/executable file not found|no such file or directory/.test(message))
    return new Failure("image.no-command", `${image} does not have the program that is to be run`, {
      hint: "command: and args: in the manifest",
      details: [message],
    });
  return new Failure("release.crashed", `the container cannot be made: ${message}`, {
    hint: "kubectl describe pod shows more",
  });
}

async function ofEnd(pod: PodObject, ended: Ended, wanted: KubeWanted, kube: Kube): Promise<Failure> {
  const { limits } = wanted.release.settings;
  const details = await lastLines(pod, kube);
  const { exitCode, reason } = ended;
  if (reason === "OOMKilled")
    return new Failure("release.out-of-memory", `the container needs more memory than its limit`, {
      hint:
        limits.memory === undefined
          ? "limits: {memory: 2GiB}; the namespace has a limit of its own"
          : "a higher limits: {memory: ...}",
      details,
    });
  const ms = Date.parse(ended.finishedAt ?? "") - Date.parse(ended.startedAt ?? "");
  // The kubelet ends a container that does not become ready in its time, and starts it again.
  if (KILLED.has(exitCode) && ms + NEARLY_MS >= limits.readyMs)
    return notReady(wanted, details, probeSaid(await warningsOf(kube, [pod])));
  return new Failure("release.crashed", `the container ended with code ${exitCode} before it was ready`, {
    hint: "its last lines are above; docker run IMAGE shows the same here",
    details,
  });
}

async function lastLines({ metadata }: PodObject, kube: Kube): Promise<string[]> {
  for (const previous of ["true", "false"]) {
    const lines: string[] = [];
    try {
      for await (const line of kube.logs(metadata.name, { container: MODEL_CONTAINER, tailLines: LINES, previous }))
        lines.push(line);
      if (lines.length > 0) return lines;
    } catch (error) {
      // Whoever may not read logs is told the code all the same.
      if (asFailure(error).code === "interrupted") throw error;
    }
  }
  return [];
}

function notReady({ release, port }: KubeWanted, details: string[], said?: string): Failure {
  const { ready, limits } = release.settings;
  const asked = ready === undefined ? `listens on port ${port}` : `answers ${ready} on port ${port} with 2xx or 3xx`;
  return new Failure(
    "release.not-ready",
    `no pod was ready within ${limits.readyMs / 1000} s${said === undefined ? "" : `: ${said}`}`,
    {
      hint: `it is ready when it ${asked}, on 0.0.0.0 and not 127.0.0.1; limits: {ready: ...} gives it longer`,
      details,
    },
  );
}

const unplacedIn = (pods: readonly PodObject[]): { message?: string; reason?: string } | undefined =>
  pods
    .flatMap(({ status }) => status?.conditions ?? [])
    .find(({ type, status }) => type === "PodScheduled" && status === "False");

/** Is there a pod that no node takes? */
export const isUnplaced = (pods: readonly PodObject[]): boolean => unplacedIn(pods) !== undefined;

/** What pods lacked when the time was over. */
export function lateOf(pods: readonly PodObject[], wanted: KubeWanted): Failure {
  const unscheduled = unplacedIn(pods);
  if (unscheduled !== undefined)
    return new Failure(
      "kubernetes.no-room",
      `no node takes the pods: ${unscheduled.message ?? unscheduled.reason ?? ""}`,
      {
        hint: "smaller limits, fewer replicas, or another node; kubectl describe nodes shows what is free",
      },
    );
  const waiting = pods
    .flatMap(({ status }) => status?.containerStatuses ?? [])
    .find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
  return notReady(wanted, waiting === undefined ? [] : [`${waiting.reason}: ${waiting.message ?? ""}`]);
}

/** Pods that the cluster refuses to make are not there to be looked at: the Deployment says it. */
export function refusedPods(deployment: DeploymentObject | undefined): Failure | undefined {
  const found = deployment?.status?.conditions?.find(
    ({ type, status }) => type === "ReplicaFailure" && status === "True",
  );
  if (found === undefined) return undefined;
  return refusal(
    { code: 0, message: found.message ?? "" },
    { verb: "create", resource: "pods", namespace: deployment?.metadata.namespace },
  );
}
