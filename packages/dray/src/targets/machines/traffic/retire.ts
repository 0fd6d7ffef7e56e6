import { asFailure } from "../../../base/failure.ts";
import { sleep } from "drayage-clock";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { type EdgeState, type Kept, serversOf, type ServiceState } from "../../../edge/state.ts";
import type { Engine } from "../../../machine/engine.ts";
import { RETIRING, takeLock } from "../plan/lock.ts";
import { type Due, Retiring } from "./due.ts";
import { leaveOldNetwork } from "./move.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { beyond, ignoreMissing, prune, settle } from "./prune.ts";

/** Most programs end at once when they are told to; those that do not are looked at less and less often. */
const FIRST_POLL_MS = 100;
const MOST_POLL_MS = 2000;
/** While somebody else has the lock: they may keep it for as long as a trial lasts. */
const FIRST_LOCKED_MS = 250;
const MOST_LOCKED_MS = 2000;

/** Which releases, who retires them, and how many stay for a rollback. */
export interface Retired {
  service: string;
  who: string;
  keep: number;
}

/**
 * Retires what does not get traffic any more: lets it finish its requests, stops it, keeps it whole for a rollback,
 * and removes what is older than `keep`. All that is due goes at once, also what comes to it meanwhile: deploys in quick
 * succession leave no more behind than one. Runs after the command returned, under the lock only for moments,
 * so a rollback never waits for it. Safe to be killed and to be run twice.
 */
export async function retire(site: Site, wanted: Retired, context: Context): Promise<void> {
  const { service, keep } = wanted;
  const edge = edgeOf(site);
  const waits = async (state: EdgeState): Promise<boolean> =>
    waitingOf(state.services[service], await runningOf(site, service, context)).length > 0;
  do {
    const gone = await endAll(site, wanted, context);
    await locked(edge, wanted, context, async () => {
      const known = edge.known.services[service];
      if (known === undefined) return;
      await settle(site, service, [...gone, ...known.releases], context);
      await prune(site, service, beyond(known, keep), context);
    });
  } while ((await leaveOldNetwork(site, waits, context)) === "called away");
}

/**
 * Until nothing runs that has no traffic. What is beyond `keep` and has ended goes at once: there may always be a newer
 * one that runs. Resolves to those that went.
 */
async function endAll(site: Site, wanted: Retired, context: Context): Promise<Kept[]> {
  const retiring = new Retiring();
  const gone: Kept[] = [];
  for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 2, MOST_POLL_MS)) {
    const looked = await look(site, wanted, retiring, context);
    if (looked === undefined) return gone;
    const { waiting, due, over } = looked;
    if (due.tell.length + due.kill.length + over.length > 0)
      await locked(edgeOf(site), wanted, context, async () => {
        await end(site, wanted.service, due, context);
        gone.push(...(await dropEnded(site, wanted.service, over, context)));
      });
    if (due.tell.length + due.kill.length > 0) pause = FIRST_POLL_MS;
    retiring.note(due, performance.now());
    const next = retiring.next(waiting, performance.now());
    await sleep(Math.min(pause, Math.max(next, FIRST_POLL_MS)), context.signal);
  }
}

/** What still runs without traffic, what is due of it, and what is not even to be kept. Undefined: nothing runs. */
async function look(
  site: Site,
  { service, keep }: Retired,
  retiring: Retiring,
  context: Context,
): Promise<{ waiting: Kept[]; due: Due; over: Kept[] } | undefined> {
  const edge = edgeOf(site);
  const known = (await edge.state()).services[service];
  const running = await runningOf(site, service, context);
  const waiting = waitingOf(known, running);
  if (known === undefined || waiting.length === 0) return undefined;
  const now = performance.now();
  retiring.see(waiting, now);
  const asked = retiring.patient(waiting, now).length > 0;
  const due = retiring.due(waiting, asked ? await inFlight(edge, service) : nobody, now);
  return { waiting, due, over: beyond(known, keep).filter((kept) => !runs(kept, running)) };
}

const nobody = (): boolean => false;

/** The names of a service's containers that run. */
async function runningOf(site: Site, service: string, context: Context): Promise<ReadonlySet<string>> {
  const running = await site.machine.engine.get<{ Names: string[] }[]>("/containers/json", {
    query: { filters: { label: [`dray.service=${service}`] } },
    signal: context.signal,
  });
  return new Set(running.flatMap((container) => container.Names.map((name) => name.slice(1))));
}

const runs = ({ replicas }: Kept, running: ReadonlySet<string>): boolean =>
  replicas.some((replica) => running.has(replica.container));

/** It has neither the traffic nor a share of it. */
const isOut = ({ current, candidate }: ServiceState, { release: { id } }: Kept): boolean =>
  id !== current && id !== candidate?.release;

/** Releases that run and get no traffic. */
function waitingOf(known: ServiceState | undefined, running: ReadonlySet<string>): Kept[] {
  return (known?.releases ?? []).filter((kept) => known !== undefined && isOut(known, kept) && runs(kept, running));
}

/** Those of which it is still true under the lock that they are there, and that nobody has gone back to them. */
function stillOut(edge: Edge, service: string, all: readonly Kept[]): Kept[] {
  const known = edge.known.services[service];
  if (known === undefined) return [];
  const ids = new Set(all.map((kept) => kept.release.id));
  return known.releases.filter((kept) => ids.has(kept.release.id) && isOut(known, kept));
}

async function dropEnded(site: Site, service: string, over: readonly Kept[], context: Context): Promise<Kept[]> {
  const gone = stillOut(edgeOf(site), service, over);
  if (gone.length > 0) await prune(site, service, gone, context);
  return gone;
}

/** Which releases have requests in flight? All of them where a HAProxy from before a reload is finishing some. */
async function inFlight(edge: Edge, service: string): Promise<(release: string) => boolean> {
  const servers = await edge.servers(service);
  const busyOnes = new Set(servers.filter((server) => server.inFlight > 0).map((server) => server.release));
  const old = await edge.hasOldWorkers();
  return (release) => old || busyOnes.has(release);
}

/** Does a release still have requests in flight? Also counts those that a HAProxy from before a reload is finishing. */
export async function busy(edge: Edge, service: string, release: string): Promise<boolean> {
  return (await inFlight(edge, service))(release);
}

/** The image's own stop signal, or SIGKILL; under the lock, after making sure that nobody rolled back to it meanwhile. */
async function end(site: Site, service: string, { tell, kill }: Due, context: Context): Promise<void> {
  const edge = edgeOf(site);
  const [told, killed] = [stillOut(edge, service, tell), stillOut(edge, service, kill)];
  const all = [...told, ...killed];
  if (all.length === 0) return;
  const ids = new Set(all.map((kept) => kept.release.id));
  await edge.save((now) => markStopping(now, service, ids));
  const servers = all.flatMap(serversOf).map((server) => server.name);
  await edge.forget(service, servers);
  const signalAll = (releases: Kept[], how: "politely" | "at once"): Promise<void>[] =>
    releases.flatMap(({ replicas }) => replicas.map(({ container }) => signalContainer(site, container, how, context)));
  await Promise.all([...signalAll(told, "politely"), ...signalAll(killed, "at once")]);
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

function markStopping(state: EdgeState, service: string, ids: ReadonlySet<string>): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const releases = known.releases.map((kept) => (ids.has(kept.release.id) ? { ...kept, stopping: true } : kept));
  return { ...state, services: { ...state.services, [service]: { ...known, releases } } };
}

/** Waits its turn for the lock (a deploy may hold it for a while), then does the thing; what the edge knows is read anew. */
async function locked(
  edge: Edge,
  { service, who }: { service: string; who: string },
  context: Context,
  act: () => Promise<void>,
): Promise<void> {
  for (let pause = FIRST_LOCKED_MS; ; pause = Math.min(pause * 2, MOST_LOCKED_MS)) {
    try {
      const lease = await takeLock(edge, service, `${RETIRING} by ${who}`, context.signal);
      try {
        return await act();
      } finally {
        await lease.release();
      }
    } catch (error) {
      if (asFailure(error).code !== "service.locked") throw error;
      await sleep(pause, context.signal);
    }
  }
}
