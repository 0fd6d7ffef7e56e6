import { since } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import type { Session } from "../../contract/session.ts";
import type { Undo } from "../../core/carry-out.ts";
import type { Kube } from "./client/api.ts";
import { takeLease } from "./lease.ts";
import { recordName, releaseName } from "./objects/names.ts";
import { type ConfigMapObject, ownerOf, recordMap } from "./objects/record.ts";
import { releaseMap, releaseObjects } from "./objects/release.ts";
import { routeTo } from "./objects/route.ts";
import { kubeSettingsOf } from "./options.ts";
import type { KubeStep } from "./plan.ts";
import { proveInside, proveOutside, wayOf } from "./prove.ts";
import { podsNeeded, untilReady } from "./ready.ts";
import { straysIn } from "./sight.ts";
import type { Work } from "./work.ts";

type Result = { undo?: Undo; note?: string };
type Act = (work: Work, kube: Kube, session: Session, on: string) => Promise<Result>;

const ACTS: Record<KubeStep["kind"], Act> = { lock, release, scale, ready, golden, route, prove, record: note, unlock };

/** Does one step. @throws Failure */
export async function perform({ kind, on }: KubeStep, work: Work, session: Session): Promise<Result> {
  work.lock?.stillMine();
  return await ACTS[kind](work, work.kube.under(session.signal), session, on);
}

/** The lock, and the record under it: what a release's objects belong to. */
async function lock(work: Work, kube: Kube, session: Session): Promise<Result> {
  const { service } = work.manifest;
  // It beats for longer than this step lasts, so it is under no signal of the step's.
  const held = await takeLease(work.kube, service, session.who, session.signal);
  work.lock = held;
  const undo: Undo = async (fresh) => {
    const at = work.kube.under(fresh.signal);
    await held.release(at);
    if (work.record?.made === true) {
      await at.remove("ConfigMap", recordName(service));
      await at.remove("Lease", recordName(service));
    }
  };
  try {
    const there = await kube.find<ConfigMapObject>("ConfigMap", recordName(service));
    const standby = kubeSettingsOf(work.manifest).standby;
    if (there?.metadata.resourceVersion !== work.found.record?.version) throw changedSince(service);
    // What a command left that was killed would take the room of what comes now.
    for (const id of straysIn(work.found)) await kube.remove("ConfigMap", releaseName(service, id));
    const map = there ?? (await kube.create(recordMap(service, { standby, served: [] })));
    const version = map.metadata.resourceVersion ?? "";
    work.record = { version, owner: ownerOf(map), made: there === undefined };
  } catch (error) {
    await held.release(work.kube).catch(() => undefined);
    throw error;
  }
  return { undo };
}

function changedSince(service: string): Failure {
  return new Failure("kubernetes.changed", `somebody else changed ${service} since the plan was made`, {
    hint: "run the same command again",
  });
}

async function release({ wanted, secrets, record }: Work, kube: Kube): Promise<Result> {
  const { service, id } = wanted.release;
  const name = releaseName(service, id);
  const undo: Undo = async (fresh) => await kube.under(fresh.signal).remove("ConfigMap", name);
  const map = await kube.apply(releaseMap(wanted, record?.owner));
  try {
    // The policy is there before the first pod that it is about.
    for (const object of releaseObjects(wanted, secrets, ownerOf(map))) await kube.apply(object);
  } catch (error) {
    await kube.remove("ConfigMap", name).catch(() => undefined);
    throw error;
  }
  return { undo };
}

const liveOf = ({ found }: Work): number | undefined =>
  found.releases.find(({ wanted }) => wanted.release.id === found.current)?.pods?.wanted;

async function scale(work: Work, kube: Kube): Promise<Result> {
  const { service, id } = work.wanted.release;
  const name = releaseName(service, id);
  const before = work.found.releases.find(({ wanted }) => wanted.release.id === id)?.pods?.wanted ?? 0;
  await kube.scale(name, podsNeeded(work.wanted, liveOf(work)));
  return { undo: async (fresh) => await kube.under(fresh.signal).scale(name, before) };
}

async function ready(work: Work, kube: Kube, session: Session): Promise<Result> {
  const { wanted } = work;
  const needed = podsNeeded(wanted, liveOf(work));
  // An autoscaler begins with one pod, and would take minutes to find that the live release has more.
  if (wanted.size.max > wanted.size.min)
    await kube.scale(releaseName(wanted.release.service, wanted.release.id), needed);
  await untilReady(kube, wanted, needed, session.signal);
  return { note: `${needed} ready` };
}

async function golden({ golden: asked, wanted }: Work, kube: Kube): Promise<Result> {
  await proveInside(kube, asked, wanted.release);
  return {};
}

/** The route goes to the release, and back to where it led. */
async function route(work: Work, kube: Kube): Promise<Result> {
  const { wanted, door, manifest, record: at, found } = work;
  const front = {
    service: manifest.service,
    gateway: { namespace: door.namespace, name: door.name },
    domain: manifest.domain,
    prefix: manifest.prefix,
    timeoutMs: wanted.release.settings.limits.timeoutMs,
  };
  const { current } = found;
  const undo: Undo = async (fresh) => {
    const then = kube.under(fresh.signal);
    if (current === undefined || found.route === undefined) await then.remove("HTTPRoute", manifest.service);
    else await then.apply(routeTo(front, current, at?.owner));
  };
  await kube.apply(routeTo(front, wanted.release.id, at?.owner));
  return { undo };
}

async function prove(work: Work, kube: Kube, session: Session, on: string): Promise<Result> {
  const { wanted, door, manifest } = work;
  const { id } = wanted.release;
  const path = wanted.release.settings.ready ?? "/";
  if (door.url === undefined) {
    work.unreached = true;
    return { note: "the Gateway has no address: nothing was asked" };
  }
  const way = wayOf(manifest, door.url);
  const found = await proveOutside(kube, { way, service: manifest.service, release: id, path }, session);
  work.unreached = found === "unreached";
  if (work.unreached) return { note: "the gateway has taken the route; it is not reached from this computer" };
  session.emit({ type: "serving", on, release: id, ms: since(session.startedAt) });
  return {};
}

async function note(work: Work, kube: Kube): Promise<Result> {
  const { manifest, wanted, found, record: at } = work;
  const { standby } = kubeSettingsOf(manifest);
  const { id } = wanted.release;
  const previous = found.current === id ? found.previous : found.current;
  const served = [...new Set([...found.served, id])].filter((each) => each === id || isKept(found, each));
  const next = { current: id, standby, served, ...(previous === undefined ? {} : { previous }) };
  const map = await kube.replace(recordMap(manifest.service, next, at?.version));
  if (at !== undefined) work.record = { ...at, version: map.metadata.resourceVersion ?? "" };
  return {};
}

const isKept = ({ releases }: Work["found"], id: string): boolean =>
  releases.some(({ wanted }) => wanted.release.id === id);

async function unlock({ lock: held }: Work, kube: Kube): Promise<Result> {
  await held?.release(kube);
  return {};
}
