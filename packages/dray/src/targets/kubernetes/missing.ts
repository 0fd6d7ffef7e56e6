import { sleep } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import type { PodObject } from "./diagnose.ts";
import { type EventObject, warningsOf } from "./events.ts";

const LOOK_MS = 1000;
const NEEDED = /(secret|configmap) "([^"]+)" not found/i;

/** Is there a pod on a node whose container is not made yet? */
const isBeingMade = (pods: readonly PodObject[]): boolean =>
  pods.some(({ status }) =>
    status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === "ContainerCreating"),
  );

/**
 * Never resolves; fails when pods wait for a Secret or a ConfigMap that is not there. Such a pod says so in its events alone:
 * its own state is that its container is being made. @throws Failure kubernetes.not-found
 */
export async function untilMissing(
  kube: Kube,
  sight: { readonly pods: readonly PodObject[] },
  signal: AbortSignal,
): Promise<never> {
  for (;;) {
    await sleep(LOOK_MS, signal);
    if (!isBeingMade(sight.pods)) continue;
    for (const event of await warningsOf(kube, sight.pods)) await refuseMissing(kube, event);
  }
}

/** An event may be older than the object, so the object is looked for, too. */
async function refuseMissing(kube: Kube, { message = "" }: EventObject): Promise<void> {
  const [, said = "", name = ""] = NEEDED.exec(message) ?? [];
  if (name === "") return;
  const kind = said.toLowerCase() === "secret" ? "Secret" : "ConfigMap";
  if ((await kube.find(kind, name)) !== undefined) return;
  throw new Failure("kubernetes.not-found", `the pods need the ${kind} ${name}, and it is not in ${kube.namespace}`, {
    hint: "did somebody delete it? dray deploy makes a release with all that it needs",
    details: [message],
  });
}
