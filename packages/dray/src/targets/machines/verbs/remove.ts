import { OWN_SHELL } from "../../../core/own-shell.ts";
import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { Subject, Place } from "../../../contract/place.ts";
import { EDGE, EDGE_VOLUME, KEEPER } from "../../../edge/edge.ts";
import type { EdgeState } from "../../../edge/state.ts";
import { isMissing } from "../../../machine/engine.ts";
import { takeLock } from "../plan/lock.ts";
import { withoutUnusedCertificates } from "../keeper/certificate.ts";
import { KEEPER_NETWORK, NETWORK, networksOf, removeNetworks } from "../container/network.ts";
import { KEEPER_VOLUME, removeKeeper } from "../keeper/keeper-setup.ts";
import { edgeOf } from "../plan/observe.ts";
import { removeStrays } from "../traffic/prune.ts";
import { retire } from "../traffic/retire.ts";
import { removeBesides } from "../replica/with.ts";
import { removeWall } from "../container/wall.ts";
import { dropSecrets, setAlerts } from "../keeper/keeper-secrets.ts";
import { removeSecretsVolumes } from "../container/secrets.ts";
import { pruneWeights } from "../container/weights-volumes.ts";
import { serviceOn } from "../plan/service-on.ts";

/** Takes a service off a machine: its route, containers and images; the edge too when it was the last. Only what is ours. */
export async function remove({ place, service }: Subject, session: Session): Promise<{ edge: boolean }> {
  const { who } = session;
  return await withSite(place, session, async (site) => {
    const known = await serviceOn(site, service);
    const edge = edgeOf(site);
    const { engine } = site.machine;
    const { signal } = session;
    const lease = await takeLock(edge, service, who, session.signal);
    const without = (state: EdgeState): EdgeState => {
      const { [service]: _gone, ...services } = state.services;
      return withoutUnusedCertificates({ ...state, services });
    };
    const { after } = await edge.change(service, without, () => ({
      at: new Date().toISOString(),
      who,
      service,
      removed: true,
    }));
    await removeStrays(site, service, new Set(), session);
    await removeBesides(engine, service, signal);
    if (known.releases.some((kept) => kept.release.settings.secrets.length > 0))
      await dropSecrets(engine, service, signal);
    if (known.alerts === true) await setAlerts(engine, service, undefined, signal);
    for (const kept of known.releases) {
      await engine.call("DELETE", `/images/dray/${service}:${kept.release.id}`, { signal }).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
    if (known.releases.some((kept) => kept.release.settings.weights !== undefined))
      await pruneWeights(engine, after, session);
    await removeNetworks(engine, networksOf(service), [EDGE, KEEPER], signal);
    await lease.release();
    const last = Object.keys(after.services).length === 0;
    if (last) {
      await removeKeeper(site, signal);
      await removeSecretsVolumes(engine, signal);
      await removeWall(engine, signal);
      await engine.call("DELETE", `/containers/${EDGE}`, { query: { force: true }, signal });
      for (const name of [EDGE_VOLUME.name, KEEPER_VOLUME.name, OWN_SHELL.volume])
        await engine.call("DELETE", `/volumes/${name}`, { signal }).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      await removeNetworks(engine, [KEEPER_NETWORK, NETWORK], [], signal);
    }
    return { edge: last };
  });
}

/** Finishes what a deploy or rollback left for later: drains, stops and prunes what has no traffic any more. */
export async function retireOn(
  place: Place,
  { service, keep }: { service: string; keep: number },
  session: Session,
): Promise<void> {
  await withSite(place, session, (site) => retire(site, { service, keep, who: session.who }, session));
}
