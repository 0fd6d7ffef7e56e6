import { asFailure } from "../../base/failure.ts";
import type { Session } from "../../contract/session.ts";
import type { Kube } from "./client/api.ts";
import { RETIRING_HOLDER, takeLease } from "./lease.ts";
import { releaseName } from "./objects/names.ts";
import { type Found, serviceIn, straysIn } from "./sight.ts";

/** What happens to releases that have no traffic: which lose their pods, and which go for good. */
function retirement(found: Found, keep: number): { park: string[]; drop: string[] } {
  const { releases, current, previous, standby } = found;
  const stays = new Set([current, standby ? previous : undefined]);
  const ids = releases.map(({ wanted }) => wanted.release.id);
  const strays = straysIn(found);
  const free = ids.filter((id) => id !== current && id !== previous && !strays.includes(id));
  const drop = [...strays, ...free.slice(0, Math.max(0, ids.length - strays.length - keep))];
  const running = releases.filter(({ wanted, pods }) => (pods?.wanted ?? 0) > 0 && !stays.has(wanted.release.id));
  return { park: running.map(({ wanted }) => wanted.release.id).filter((id) => !drop.includes(id)), drop };
}

/** Ends the pods of releases that have no traffic, and drops those beyond `keep`. Pods end their requests before they go. */
export async function retire(
  kube: Kube,
  { service, keep }: { service: string; keep: number },
  session: Session,
): Promise<void> {
  const { park, drop } = retirement(await serviceIn(kube, service), keep);
  if (park.length + drop.length === 0) return;
  const lock = await takeLease(kube, service, `${RETIRING_HOLDER} of ${service}`, session.signal).catch(
    (error: unknown) => {
      // Whoever changes the service now retires what is left when that is done.
      if (asFailure(error).code === "service.locked") return undefined;
      throw error;
    },
  );
  if (lock === undefined) return;
  try {
    const now = retirement(await serviceIn(kube, service), keep);
    for (const id of now.park) await kube.scale(releaseName(service, id), 0);
    for (const id of now.drop) await kube.remove("ConfigMap", releaseName(service, id));
  } finally {
    await lock.release(kube);
  }
}
