import { BEFORE } from "../container/container.ts";
import { asFailure } from "../../../base/failure.ts";
import { sleep } from "drayage-clock";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { type EdgeState, type Kept, keptOf, serversOf, type ServiceState } from "../../../edge/state.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { unfinished } from "../plan/journal.ts";
import { RETIRING, takeLock } from "../plan/lock.ts";
import { leaveOldNetwork } from "./move.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { settleSecrets } from "../keeper/keeper-secrets.ts";
import { pruneWeights } from "../container/weights-volumes.ts";

const POLL_MS = 500;
/** How long a program may take to end after SIGTERM, when it has no request left. */
const GRACE_MS = 10_000;

/**
 * Retires what does not get traffic any more: lets it finish its requests, stops it, keeps it whole for a rollback,
 * and removes what is older than `keep`. Runs after the command returned, under the lock only for moments,
 * so a rollback never waits for it. Safe to be killed and to be run twice.
 */
export async function retire(
  site: Site,
  { service, who, keep }: { service: string; who: string; keep: number },
  context: Context,
): Promise<void> {
  const edge = edgeOf(site);
  const startedAt = performance.now();
  for (;;) {
    const state = await edge.state();
    const waiting = await stillRunning(site, state, service, context);
    if (waiting.length === 0) break;
    for (const kept of waiting) {
      const patient = performance.now() - startedAt < kept.release.settings.limits.drainMs;
      if (patient && (await busy(edge, service, kept.release.id))) continue;
      await stop(site, { service, who, release: kept.release.id }, context);
    }
    await sleep(POLL_MS, context.signal);
  }
  await locked(edge, { service, who }, context, () => prune(site, service, keep, context));
  await leaveOldNetwork(site, context);
}

async function stillRunning(site: Site, state: EdgeState, service: string, context: Context): Promise<Kept[]> {
  const known = state.services[service];
  if (known === undefined) return [];
  const running = await site.machine.engine.get<{ Names: string[] }[]>("/containers/json", {
    query: { filters: { label: [`dray.service=${service}`] } },
    signal: context.signal,
  });
  const names = new Set(running.flatMap((container) => container.Names.map((name) => name.slice(1))));
  return known.releases.filter(
    (kept) =>
      kept.release.id !== known.current &&
      kept.release.id !== known.candidate?.release &&
      kept.replicas.some((replica) => names.has(replica.container)),
  );
}

/** Does a release still have requests in flight? Also counts those that a HAProxy from before a reload is finishing. */
export async function busy(edge: Edge, service: string, release: string): Promise<boolean> {
  const servers = await edge.servers(service);
  if (servers.some((server) => server.release === release && server.inFlight > 0)) return true;
  return await edge.hasOldWorkers();
}

/** The image's own stop signal, patience, SIGKILL; each under the lock, after making sure that nobody rolled back to it meanwhile. */
async function stop(
  site: Site,
  { service, who, release }: { service: string; who: string; release: string },
  context: Context,
): Promise<void> {
  const edge = edgeOf(site);
  const kill = (how: "politely" | "at once") => async (): Promise<void> => {
    const state = await edge.state();
    const known = state.services[service];
    const kept = known && keptOf(known, release);
    if (known === undefined || kept === undefined || known.current === release) return;
    await edge.save((now) => markStopping(now, service, release));
    await edge.forget(
      service,
      serversOf(kept).map((server) => server.name),
    );
    await Promise.all(kept.replicas.map((replica) => signalContainer(site, replica.container, how, context)));
  };
  await locked(edge, { service, who }, context, kill("politely"));
  const until = performance.now() + GRACE_MS;
  while (performance.now() < until) {
    const running = await stillRunning(site, await edge.state(), service, context);
    if (!running.some((kept) => kept.release.id === release)) return;
    await sleep(POLL_MS, context.signal);
  }
  await locked(edge, { service, who }, context, kill("at once"));
}

async function signalContainer(
  site: Site,
  container: string,
  how: "politely" | "at once",
  context: Context,
): Promise<void> {
  const { engine } = site.machine;
  const { signal } = context;
  const name = how === "politely" ? await stopSignalOf(engine, container, signal) : "SIGKILL";
  // Without a restart policy the engine cannot bring back what is being retired, whatever its signal does.
  await engine
    .post(`/containers/${container}/update`, { body: { RestartPolicy: { Name: "no" } }, signal })
    .catch(ignoreMissing);
  await engine.post(`/containers/${container}/kill`, { query: { signal: name }, signal }).catch(ignoreMissing);
}

/** nginx, php-fpm and uwsgi finish their requests at another signal than SIGTERM: the image says so with STOPSIGNAL. */
async function stopSignalOf(engine: Engine, container: string, signal: AbortSignal): Promise<string> {
  const found = await engine
    .get<{ Config: { StopSignal?: string } }>(`/containers/${container}/json`, { signal })
    .catch(ignoreMissing);
  return found?.Config.StopSignal ?? "SIGTERM";
}

/** 404: removed meanwhile; 409: it has ended already. */
function ignoreMissing(error: unknown): void {
  const status = error instanceof Error && "status" in error ? error.status : 0;
  if (status !== 404 && status !== 409) throw error;
}

function markStopping(state: EdgeState, service: string, release: string): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const releases = known.releases.map((kept) => (kept.release.id === release ? { ...kept, stopping: true } : kept));
  return { ...state, services: { ...state.services, [service]: { ...known, releases } } };
}

function withoutReleases(state: EdgeState, service: string, gone: readonly Kept[]): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const ids = new Set(gone.map((kept) => kept.release.id));
  const releases = known.releases.filter((kept) => !ids.has(kept.release.id));
  return { ...state, services: { ...state.services, [service]: { ...known, releases } } };
}

/** Removes releases beyond `keep`, and containers of ours that no kept release knows (a killed deploy's). Only ours. */
async function prune(site: Site, service: string, keep: number, context: Context): Promise<void> {
  const edge = edgeOf(site);
  const state = await edge.state();
  const known = state.services[service];
  if (known === undefined) return;
  await settle(site, known, context);
  const others = known.releases.filter((kept) => kept.release.id !== known.current);
  const gone = others.slice(0, Math.max(0, others.length - keep));
  const staying = known.releases.filter((kept) => !gone.includes(kept));
  if (gone.length > 0) await edge.save((now) => withoutReleases(now, service, gone));
  const wanted = new Set([
    ...staying.flatMap((kept) => kept.replicas.map((replica) => replica.container)),
    ...(known.shadow?.containers ?? []),
  ]);
  await removeStrays(site, service, wanted, context);
  await removeStrayImages(
    site,
    service,
    staying.map((kept) => kept.release.id),
    context,
  );
  await pruneUnused(site, known, context);
  for (const kept of gone) {
    await site.machine.engine
      .call("DELETE", `/images/dray/${service}:${kept.release.id}`, { signal: context.signal })
      .catch((error: unknown) => {
        if (!isMissing(error)) context.emit({ type: "warning", text: asFailure(error).message });
      });
  }
}

/** Weights that no release of any service uses. While another service is being changed they stay: it may be about to use them. */
async function pruneUnused(site: Site, { service, releases }: ServiceState, context: Context): Promise<void> {
  if (!releases.some(({ release }) => release.settings.weights !== undefined)) return;
  const edge = edgeOf(site);
  if ((await unfinished(edge)).some((entry) => entry.running && entry.service !== service)) return;
  await pruneWeights(site.machine.engine, await edge.state(), context);
}

/**
 * Nobody goes back to the values before any more. A keeper of an older dray cannot be told so, and forgets them with the
 * next one.
 */
async function settle(site: Site, { service, releases }: ServiceState, { signal }: Context): Promise<void> {
  if (!releases.some(({ release }) => release.settings.secrets.length > 0)) return;
  await settleSecrets(site.machine.engine, service, signal).catch(() => signal.throwIfAborted());
}

/** Containers of a service that no kept release knows: what a killed deploy, or one pruned, left behind. */
export async function removeStrays(
  site: Site,
  service: string,
  wanted: ReadonlySet<string>,
  context: Context,
): Promise<void> {
  const { engine } = site.machine;
  const all = await engine.get<{ Id: string; Names: string[]; Labels: Record<string, string> }[]>("/containers/json", {
    query: { all: true, filters: { label: [`dray.service=${service}`] } },
    signal: context.signal,
  });
  const releases = all.filter(({ Labels }) => ["replica", BEFORE].includes(Labels["dray.role"] ?? ""));
  const strays = releases.filter((container) => !container.Names.some((name) => wanted.has(name.slice(1))));
  await Promise.all(
    strays.map((stray) =>
      engine
        .call("DELETE", `/containers/${stray.Id}`, { query: { force: true, v: true }, signal: context.signal })
        .catch(ignoreMissing),
    ),
  );
}

/** Images of ours, by the name we gave them, of releases that nobody kept: a killed deploy's. Another's are never touched. */
async function removeStrayImages(
  site: Site,
  service: string,
  kept: readonly string[],
  context: Context,
): Promise<void> {
  const { engine } = site.machine;
  const { signal } = context;
  const images = await engine.get<{ RepoTags: string[] | null }[]>("/images/json", {
    query: { filters: { reference: [`dray/${service}`] } },
    signal,
  });
  const wanted = new Set(
    [...kept, ...[edgeOf(site).known.services[service]?.shadow?.release ?? []].flat()].map(
      (id) => `dray/${service}:${id}`,
    ),
  );
  const strays = images
    .flatMap((image) => image.RepoTags ?? [])
    .filter((tag) => tag.startsWith(`dray/${service}:`) && !wanted.has(tag))
    // Ids sort by time: what is newer than all that is kept may be carried at this moment, by a deploy that waits for the lock.
    .filter((tag) => kept.some((id) => tag < `dray/${service}:${id}`));
  await Promise.all(strays.map((tag) => engine.call("DELETE", `/images/${tag}`, { signal }).catch(ignoreMissing)));
}

/** Waits its turn for the lock (a deploy may hold it for a while), then does the thing. */
async function locked(
  edge: Edge,
  { service, who }: { service: string; who: string },
  context: Context,
  act: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      const lease = await takeLock(edge, service, `${RETIRING} by ${who}`, context.signal);
      try {
        return await act();
      } finally {
        await lease.release();
      }
    } catch (error) {
      if (asFailure(error).code !== "service.locked") throw error;
      await sleep(POLL_MS, context.signal);
    }
  }
}
