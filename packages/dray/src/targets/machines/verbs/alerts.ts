import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { Subject } from "../../../contract/place.ts";
import { Failure } from "../../../base/failure.ts";
import { edgeOf } from "../plan/observe.ts";
import { sendTestAlert } from "../keeper/keeper-secrets.ts";
import { serviceOn } from "../plan/service-on.ts";

/** Has the keeper of a machine send a test alert the way it would send a real one. @throws Failure alerts.none, alerts.failed */
export async function proveAlerts({ place, service }: Subject, session: Session): Promise<void> {
  await withSite(place, session, async (site) => {
    const known = await serviceOn(site, service);
    if (known.alerts !== true) {
      throw new Failure("alerts.none", `nobody is told of ${service}'s troubles on ${place.name}`, {
        hint: "alerts: {webhook: {env: SLACK_URL}} in the manifest, then dray deploy",
      });
    }
    await sendTestAlert(site.machine.engine, service, session.signal);
    // `dray check` wants to know when the way was proved.
    await edgeOf(site).note({ at: new Date().toISOString(), who: session.who, service, alertsTested: true });
  });
}
