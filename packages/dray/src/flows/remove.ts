import type { Context } from "../core/context.ts";
import { OWN_SHELL } from "../core/own-shell.ts";
import { EDGE, EDGE_VOLUME, KEEPER } from "../machine/edge.ts";
import type { EdgeState } from "../machine/edge-state.ts";
import { isMissing } from "../machine/engine.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { takeLock } from "../targets/machines/lock.ts";
import { withoutUnusedCertificates } from "../targets/machines/certificate.ts";
import { KEEPER_NETWORK, NETWORK, networksOf, removeNetworks } from "../targets/machines/network.ts";
import { KEEPER_VOLUME, removeKeeper } from "../targets/machines/keeper-setup.ts";
import { edgeOf } from "../targets/machines/observe.ts";
import { removeStrays, retire } from "../targets/machines/retire.ts";
import { removeWall } from "../targets/machines/wall.ts";
import { dropSecrets, removeSecretsVolumes, setAlerts } from "../targets/machines/secrets.ts";
import { serviceOn } from "./look.ts";
import { withSite } from "./fleet.ts";

/** Takes a service off a machine: its route, containers and images; the edge too when it was the last. Only what is ours. */
export async function remove(
  where: Where,
  ssh: SshOptions,
  service: string,
  who: string,
  context: Context,
): Promise<{ edge: boolean }> {
  return await withSite(where, ssh, context, async (site) => {
    const known = await serviceOn(site, service);
    const edge = edgeOf(site);
    const { engine } = site.machine;
    const { signal } = context;
    const lease = await takeLock(edge, service, who, context.signal);
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
    await removeStrays(site, service, new Set(), context);
    if (known.releases.some((kept) => kept.release.settings.secrets.length > 0))
      await dropSecrets(engine, service, signal);
    if (known.alerts === true) await setAlerts(engine, service, undefined, signal);
    for (const kept of known.releases) {
      await engine.call("DELETE", `/images/dray/${service}:${kept.release.id}`, { signal }).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
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
export async function finish(
  where: Where,
  ssh: SshOptions,
  service: string,
  who: string,
  keep: number,
  context: Context,
): Promise<void> {
  await withSite(where, ssh, context, (site) => retire(site, service, who, keep, context));
}
