import type { ShadowReport } from "drayage-keeper";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { takeLock } from "../targets/machines/lock.ts";
import { edgeOf } from "../targets/machines/observe.ts";
import { removeStrays } from "../targets/machines/retire.ts";
import { endShadow, shadowReport } from "../targets/machines/shadow.ts";
import { withSite } from "./fleet.ts";
import { serviceOn } from "./look.ts";

/** What a shadow's answers were like; `running`: copies still go to it. */
export interface ShadowFound {
  machine: string;
  running: boolean;
  report: ShadowReport;
}

/** Reads the comparison on a machine: of the shadow that runs, or of the last one. @throws Failure shadow.none */
export async function shadowOn(where: Where, ssh: SshOptions, service: string, context: Context): Promise<ShadowFound> {
  return await withSite(where, ssh, context, async (site) => {
    const known = await serviceOn(site, service);
    const report = await shadowReport(edgeOf(site), service);
    if (report === undefined) throw none(service, where);
    return { machine: where.name, running: known.shadow?.release === report.release, report };
  });
}

/** Ends a shadow that `dray shadow start` began, and removes its containers. Resolves to its last report. @throws Failure shadow.none */
export async function stopShadow(
  where: Where,
  ssh: SshOptions,
  service: string,
  who: string,
  context: Context,
): Promise<ShadowFound> {
  return await withSite(where, ssh, context, async (site) => {
    const known = await serviceOn(site, service);
    const edge = edgeOf(site);
    if (known.shadow === undefined) throw none(service, where);
    const lease = await takeLock(edge, service, who, context.signal);
    try {
      await endShadow(edge, service, who);
      const kept = known.releases.flatMap((each) => each.replicas.map((replica) => replica.container));
      await removeStrays(site, service, new Set(kept), context);
      const report = await shadowReport(edge, service);
      if (report === undefined) throw none(service, where);
      return { machine: where.name, running: false, report };
    } finally {
      await lease.release();
    }
  });
}

function none(service: string, where: Where): Failure {
  return new Failure("shadow.none", `no release of ${service} gets copies on ${where.name}`, {
    hint: "dray shadow start begins it; or rollout: {shadow: {}} in the manifest, for every deploy",
  });
}
