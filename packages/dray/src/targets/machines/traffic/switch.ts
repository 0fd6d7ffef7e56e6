import { sleep, within } from "drayage-clock";
import type { Undo } from "../../../core/carry-out.ts";
import { type Context, under } from "../../../core/context.ts";
import type { Release } from "../../../core/release.ts";
import type { Edge } from "../../../edge/edge.ts";
import { isClosed } from "../../../edge/keys.ts";
import type { EdgeState, Kept, ServiceState } from "../../../edge/state.ts";
import { withKeys } from "../plan/callers.ts";
import { guard } from "./trial-watchdog.ts";
import type { Work, Started } from "../plan/work.ts";
import { edgeOf } from "../plan/observe.ts";
import { busy } from "./retire.ts";
import { withoutShadow } from "./shadow.ts";

/** Gives a release all of the traffic. Undone, the old one has it again. */
export async function switchTraffic(
  work: Work,
  replicas: readonly Started[],
  goldenMs: readonly number[],
  context: Context,
): Promise<{ undo: Undo; note: string }> {
  const { release, site, seen } = work;
  const edge = edgeOf(site);
  const now = new Date().toISOString();
  const kept = keptFrom(work, replicas, now);
  const elapsed = (): number => Math.round(performance.now() - work.startedAt);
  let old: ServiceState | undefined;
  const { how } = await edge.change(
    release.service,
    (state) => {
      old = withoutCandidate(state.services[release.service]);
      const named = { ...state, address: site.machine.address };
      return withKeys(withAlerts(withRelease(named, kept), work), release.service, work.keys);
    },
    (before) => ({
      at: now,
      who: work.who,
      service: release.service,
      release: release.id,
      before: before.services[release.service]?.current,
      digest: release.digest,
      commit: release.from.commit,
      goldenMs,
      bytesSent: work.bytesSent,
      ms: elapsed(),
    }),
  );
  context.emit({ type: "serving", on: seen.machine, release: release.id, ms: elapsed() });
  return {
    note: how === "switched" ? "no reload" : "edge reloaded",
    undo: async (fresh) => {
      const undone = { at: new Date().toISOString(), service: release.service, undone: release.id };
      await edge.change(
        release.service,
        // Somebody may have taken the lock over, and given the traffic to a release of theirs.
        (state) =>
          state.services[release.service]?.current === release.id ? withService(state, release.service, old) : state,
        () => undone,
      );
      await drained(edge, release, fresh.signal);
    },
  };
}

/** The state in which a service is as it was; undefined: not there. */
function withService(state: EdgeState, name: string, service: ServiceState | undefined): EdgeState {
  const { [name]: _gone, ...others } = state.services;
  return { ...state, services: service === undefined ? others : { ...others, [name]: service } };
}

function keptFrom({ release }: Work, replicas: readonly Started[], deployedAt: string): Kept {
  return {
    release,
    replicas: replicas.map(({ container, address, port }) => ({ container, address, port })),
    deployedAt,
  };
}

/** A service without its release on trial: neither traffic nor a place among the kept. A rollback's stays kept. */
export function withoutCandidate(service: ServiceState | undefined): ServiceState | undefined {
  if (service?.candidate === undefined) return service;
  const { candidate, ...rest } = service;
  return {
    ...rest,
    releases: rest.releases.filter((each) => each.release.id !== candidate.release || candidate.kept === true),
  };
}

/** The state in which a release on trial gets a share of the traffic, in percent. */
export function withCandidate(state: EdgeState, kept: Kept, share: number): EdgeState {
  const { service, id } = kept.release;
  const old = state.services[service];
  if (old === undefined) throw new TypeError("a canary needs a release beside it");
  const same = old.candidate?.release === id;
  const { candidate: before, releases, ...rest } = (same ? old : withoutCandidate(old)) ?? old;
  const wasKept = same ? before?.kept === true : releases.some((each) => each.release.id === id);
  const candidate = { release: id, share, ...(wasKept ? { kept: true } : {}) };
  const others = releases.filter((each) => each.release.id !== id);
  return withService(state, service, { ...rest, candidate, releases: [...others, kept] });
}

/**
 * Gives a release on trial its share of the traffic. Undone, the old one has all of it again, and what the other still
 * had in hand is finished.
 */
export async function giveShare(
  work: Work,
  replicas: readonly Started[],
  share: number,
  context: Context,
): Promise<Undo> {
  const { release, site } = work;
  const edge = edgeOf(site);
  const at = new Date().toISOString();
  const kept = keptFrom(work, replicas, at);
  const audit = (what: object) => (): object => ({
    at: new Date().toISOString(),
    who: work.who,
    service: release.service,
    release: release.id,
    ...what,
  });
  const first = edge.known.services[release.service]?.candidate?.release !== release.id;
  await edge.change(release.service, (state) => withCandidate(state, kept, share), audit({ share }));
  const undo: Undo = async (fresh) => {
    if (edge.known.services[release.service]?.candidate?.release !== release.id) return;
    await edge.change(
      release.service,
      (state) => withService(state, release.service, withoutCandidate(state.services[release.service])),
      audit({ takenBack: true }),
    );
    await drained(edge, release, fresh.signal);
  };
  try {
    if (first) await guard(site, release.service, kept, context.signal);
    return undo;
  } catch (error) {
    // A share that nobody watches over is none.
    await within(DRAIN_MS * 2, undefined, (fresh) => undo(under(context, fresh)));
    throw error;
  }
}

const DRAIN_MS = 20_000;
const POLL_MS = 200;

/** Waits until a release has no request in flight, also not in a HAProxy from before a reload. */
async function drained(edge: Edge, release: Release, signal: AbortSignal): Promise<void> {
  const until = performance.now() + Math.min(DRAIN_MS, release.settings.limits.drainMs);
  while (performance.now() < until && (await busy(edge, release.service, release.id))) await sleep(POLL_MS, signal);
}

/** The state that says whether somebody is told of a service's troubles. */
function withAlerts(state: EdgeState, { release: { service }, alerts }: Work): EdgeState {
  const known = state.services[service];
  if (known === undefined || alerts === undefined) return state;
  const { alerts: _before, ...rest } = known;
  return withService(state, service, alerts === "nobody" ? rest : { ...rest, alerts: true });
}

/** The state in which a release gets the traffic; the one before stays kept. */
export function withRelease(state: EdgeState, kept: Kept): EdgeState {
  const { service, id, settings } = kept.release;
  // The old release is gone, so its shadow comparison ends.
  const alone = withoutShadow(state, service);
  const old = withoutCandidate(alone.services[service]);
  // Of a release that came with a backup there is nothing to go back to: its containers were on another machine.
  const others = (old?.releases ?? []).filter(({ release, replicas }) => release.id !== id && replicas.length > 0);
  const before = old?.current === id ? old.previous : old?.current;
  const previous = others.find(({ release }) => release.id === before)?.release.id;
  return {
    ...alone,
    services: {
      ...alone.services,
      [service]: {
        service,
        ...(old?.keys === undefined ? {} : { keys: old.keys, closed: isClosed(old) }),
        ...(old?.alerts === true ? { alerts: true as const } : {}),
        ...(settings.domain === undefined ? {} : { domain: settings.domain }),
        ...(settings.prefix === undefined ? {} : { prefix: settings.prefix }),
        current: id,
        ...(previous === undefined ? {} : { previous }),
        releases: [...others, kept],
      },
    },
  };
}
