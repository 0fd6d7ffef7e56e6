import { BEFORE } from "../container/container.ts";
import { asFailure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import type { EdgeState, Kept, ServiceState } from "../../../edge/state.ts";
import { isMissing } from "../../../machine/engine.ts";
import { unfinished } from "../plan/journal.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { settleSecrets } from "../keeper/keeper-secrets.ts";
import { pruneWeights } from "../container/weights-volumes.ts";

/** Releases of which there are more than are to be kept, the oldest first. */
export function beyond({ releases, current }: ServiceState, keep: number): Kept[] {
  const others = releases.filter((kept) => kept.release.id !== current);
  return others.slice(0, Math.max(0, others.length - keep));
}

/**
 * Removes releases for good, and with them what no kept release knows: containers and images of a killed deploy. Under
 * the lock; only what is ours.
 */
export async function prune(site: Site, service: string, gone: readonly Kept[], context: Context): Promise<void> {
  const edge = edgeOf(site);
  const known = edge.known.services[service];
  if (known === undefined) return;
  const ids = new Set(gone.map((kept) => kept.release.id));
  const staying = known.releases.filter((kept) => !ids.has(kept.release.id));
  if (gone.length > 0) await edge.save((now) => withoutReleases(now, service, ids));
  const wanted = new Set([
    ...staying.flatMap((kept) => kept.replicas.map((replica) => replica.container)),
    ...(known.shadow?.containers ?? []),
  ]);
  await removeStrays(site, service, wanted, context);
  const kept = staying.map(({ release }) => release.id);
  await removeStrayImages(site, service, kept, context);
  for (const id of ids) {
    await site.machine.engine
      .call("DELETE", `/images/dray/${service}:${id}`, { signal: context.signal })
      .catch((error: unknown) => {
        if (!isMissing(error)) context.emit({ type: "warning", text: asFailure(error).message });
      });
  }
  await pruneUnused(site, known, context);
}

function withoutReleases(state: EdgeState, service: string, gone: ReadonlySet<string>): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const releases = known.releases.filter((kept) => !gone.has(kept.release.id));
  return { ...state, services: { ...state.services, [service]: { ...known, releases } } };
}

/** Weights that no release of any service uses. While another service is being changed they stay: it may be about to use them. */
async function pruneUnused(site: Site, { service, releases }: ServiceState, context: Context): Promise<void> {
  if (!releases.some(({ release }) => release.settings.weights !== undefined)) return;
  const edge = edgeOf(site);
  if ((await unfinished(edge)).some((entry) => entry.running && entry.service !== service)) return;
  await pruneWeights(site.machine.engine, await edge.state(), context);
}

/**
 * Once nothing else runs, nobody goes back to the values before any more. A keeper of an older dray cannot be told so,
 * and forgets them with the next one.
 */
export async function settle(site: Site, service: string, all: readonly Kept[], { signal }: Context): Promise<void> {
  if (!all.some(({ release }) => release.settings.secrets.length > 0)) return;
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

/** 404: removed meanwhile; 409: it has ended already. */
export function ignoreMissing(error: unknown): void {
  const status = error instanceof Error && "status" in error ? error.status : 0;
  if (status !== 404 && status !== 409) throw error;
}
