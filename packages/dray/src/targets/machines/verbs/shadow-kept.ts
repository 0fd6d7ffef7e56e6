import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { ShadowFound } from "../../../contract/answers.ts";
import type { Subject, Place } from "../../../contract/place.ts";
import { Failure } from "../../../base/failure.ts";
import { takeLock } from "../plan/lock.ts";
import { edgeOf } from "../plan/observe.ts";
import { removeStrays } from "../traffic/prune.ts";
import { endShadow, readReport } from "../traffic/shadow.ts";
import { serviceOn } from "../plan/service-on.ts";

/** Reads the comparison on a machine: of the shadow that runs, or of the last one. @throws Failure shadow.none */
export async function shadowOn({ place, service }: Subject, session: Session): Promise<ShadowFound> {
  return await withSite(place, session, async (site) => {
    const known = await serviceOn(site, service);
    const report = await readReport(edgeOf(site), service);
    if (report === undefined) throw none(service, place);
    return { machine: place.name, running: known.shadow?.release === report.release, report };
  });
}

/** Ends a shadow that `dray shadow start` began, and removes its containers. Resolves to its last report. @throws Failure shadow.none */
export async function stopShadowOn({ place, service }: Subject, session: Session): Promise<ShadowFound> {
  const { who } = session;
  return await withSite(place, session, async (site) => {
    const known = await serviceOn(site, service);
    const edge = edgeOf(site);
    if (known.shadow === undefined) throw none(service, place);
    const lease = await takeLock(edge, service, who, session.signal);
    try {
      await endShadow(edge, service, who);
      const kept = known.releases.flatMap((each) => each.replicas.map((replica) => replica.container));
      await removeStrays(site, service, new Set(kept), session);
      const report = await readReport(edge, service);
      if (report === undefined) throw none(service, place);
      return { machine: place.name, running: false, report };
    } finally {
      await lease.release();
    }
  });
}

function none(service: string, place: Place): Failure {
  return new Failure("shadow.none", `no release of ${service} gets copies on ${place.name}`, {
    hint: "dray shadow start begins it; or rollout: {shadow: {}} in the manifest, for every deploy",
  });
}
