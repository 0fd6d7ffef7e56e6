import { deadline, joined, sleep } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import { follow } from "./client/follow.ts";
import type { KubeObject } from "./client/kinds.ts";
import { doomOf, isUnplaced, lateOf, overdueOf, type PodObject, refusedPods } from "./diagnose.ts";
import { untilMissing } from "./missing.ts";
import { ofRelease, releaseName } from "./objects/names.ts";
import type { KubeWanted } from "./objects/wanted.ts";
import type { DeploymentObject } from "./sight.ts";

/** Pulling a large image is no fault of the release's, and counts apart. */
const PULL_MS = 600_000;
const LOOK_MS = 500;

interface EndpointSlice extends KubeObject {
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean } }[];
}

/**
 * Waits until as many pods as are needed are ready where the gateway looks for them: in the Service's endpoints. States
 * that no waiting mends end it at once. @throws Failure release.*, image.*, registry.*, kubernetes.*
 */
export async function untilReady(kube: Kube, wanted: KubeWanted, needed: number, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  using late = deadline(wanted.release.settings.limits.readyMs + PULL_MS, signal);
  using both = joined([late.signal, stop.signal]);
  const sight: Sight = { pods: [] };
  const watching = [
    endpointsReady(kube, wanted, needed, both.signal),
    podsDoomed(kube, wanted, sight, both.signal),
    podsRefused(kube, wanted, both.signal),
    overdue(kube, wanted, sight, both.signal),
    untilMissing(kube.under(both.signal), sight, both.signal),
  ];
  try {
    await Promise.race(watching);
  } catch (error) {
    signal.throwIfAborted();
    throw late.signal.aborted && asFailure(error).code !== "bug" ? lateOf(sight.pods, wanted) : error;
  } finally {
    stop.abort();
    await Promise.allSettled(watching);
  }
}

/** What was last seen. */
interface Sight {
  pods: readonly PodObject[];
}

async function endpointsReady(kube: Kube, { release }: KubeWanted, needed: number, signal: AbortSignal): Promise<true> {
  const selector = `kubernetes.io/service-name=${releaseName(release.service, release.id)}`;
  const seen = (slices: readonly EndpointSlice[]): true | undefined => (readyIn(slices) >= needed ? true : undefined);
  return await follow<true>(kube, { kind: "EndpointSlice", which: { selector }, seen }, signal);
}

async function podsDoomed(kube: Kube, wanted: KubeWanted, sight: Sight, signal: AbortSignal): Promise<never> {
  const selector = ofRelease(wanted.release.service, wanted.release.id);
  const seen = async (all: readonly PodObject[]): Promise<undefined> => {
    sight.pods = all;
    const failure = await doomOf(all, wanted, kube.under(signal));
    if (failure !== undefined) throw failure;
  };
  return await follow<never>(kube, { kind: "Pod", which: { selector }, seen }, signal);
}

async function podsRefused(kube: Kube, { release }: KubeWanted, signal: AbortSignal): Promise<never> {
  const name = releaseName(release.service, release.id);
  const seen = ([deployment]: readonly DeploymentObject[]): undefined => {
    const failure = refusedPods(deployment);
    if (failure !== undefined) throw failure;
  };
  return await follow<never>(kube, { kind: "Deployment", which: { name }, seen }, signal);
}

/**
 * A pod that no node takes may wait for a node that is being made, but not longer than a pod may take to become ready; nor
 * may one that runs. Nothing changes about either, so they are looked at from time to time.
 */
async function overdue(kube: Kube, wanted: KubeWanted, sight: Sight, signal: AbortSignal): Promise<never> {
  await sleep(wanted.release.settings.limits.readyMs, signal);
  for (;;) {
    if (isUnplaced(sight.pods)) throw lateOf(sight.pods, wanted);
    const late = await overdueOf(sight.pods, wanted, kube.under(signal));
    if (late !== undefined) throw late;
    await sleep(LOOK_MS, signal);
  }
}

function readyIn(slices: readonly EndpointSlice[]): number {
  return slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready === true)
    .length;
}

/** A release must not answer as slowly as one that lacks pods: as many as the live one has, within its own bounds. */
export function podsNeeded({ size }: KubeWanted, live: number | undefined): number {
  return Math.min(size.max, Math.max(size.min, live ?? size.min));
}
