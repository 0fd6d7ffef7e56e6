import { deadline, joined } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import { follow } from "./client/follow.ts";
import type { KubeObject } from "./client/kinds.ts";
import { doomOf, lateOf, type PodObject, refusedPods } from "./diagnose.ts";
import { ofRelease, releaseName } from "./objects/names.ts";
import type { Wanted } from "./objects/wanted.ts";
import type { DeploymentObject } from "./sight.ts";

/** Pulling a large image is no fault of the release's, and counts apart. */
const PULL_MS = 600_000;

interface EndpointSlice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
}

/**
 * Waits until as many pods as are needed are ready where the gateway looks for them: in the Service's endpoints. States
 * that no waiting mends end it at once. @throws Failure release.*, image.*, registry.*, kubernetes.*
 */
export async function untilReady(kube: Kube, wanted: Wanted, needed: number, signal: AbortSignal): Promise<void> {
  const { release } = wanted;
  const name = releaseName(release.service, release.id);
  const selector = ofRelease(release.service, release.id);
  const stop = new AbortController();
  using late = deadline(release.settings.limits.readyMs + PULL_MS, signal);
  using both = joined([late.signal, stop.signal]);
  let last: readonly PodObject[] = [];
  const ready = follow<true>(
    kube,
    {
      kind: "EndpointSlice",
      which: { selector: `kubernetes.io/service-name=${name}` },
      seen: (slices: readonly EndpointSlice[]) => (readyIn(slices) >= needed ? true : undefined),
    },
    both.signal,
  );
  const pods = follow<never>(
    kube,
    {
      kind: "Pod",
      which: { selector },
      seen: async (all: readonly PodObject[]) => {
        last = all;
        const failure = await doomOf(all, wanted, kube.under(both.signal));
        if (failure !== undefined) throw failure;
        return undefined;
      },
    },
    both.signal,
  );
  const deployment = follow<never>(
    kube,
    {
      kind: "Deployment",
      which: { name },
      seen: (all: readonly DeploymentObject[]) => {
        const failure = refusedPods(all[0]);
        if (failure !== undefined) throw failure;
        return undefined;
      },
    },
    both.signal,
  );
  const watching = [ready, pods, deployment];
  try {
    await Promise.race(watching);
  } catch (error) {
    signal.throwIfAborted();
    throw late.signal.aborted && asFailure(error).code !== "bug" ? lateOf(last, wanted) : error;
  } finally {
    stop.abort();
    await Promise.allSettled(watching);
  }
}

function readyIn(slices: readonly EndpointSlice[]): number {
  return slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready === true)
    .length;
}

/** A release must not answer as slowly as one that lacks pods: as many as the live one has, within its own bounds. */
export function podsNeeded({ size }: Wanted, live: number | undefined): number {
  return Math.min(size.max, Math.max(size.min, live ?? size.min));
}
