import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { edgeOf } from "../targets/machines/observe.ts";
import { testAlerts } from "../targets/machines/secrets.ts";
import { withSite } from "./fleet.ts";
import { serviceOn } from "./look.ts";

/** Has the keeper of a machine send a test alert the way it would send a real one. @throws Failure alerts.none, alerts.failed */
export async function proveAlerts(
  where: Where,
  ssh: SshOptions,
  service: string,
  who: string,
  context: Context,
): Promise<void> {
  await withSite(where, ssh, context, async (site) => {
    const known = await serviceOn(site, service);
    if (known.alerts !== true) {
      throw new Failure("alerts.none", `nobody is told of ${service}'s troubles on ${where.name}`, {
        hint: "alerts: {webhook: {env: SLACK_URL}} in the manifest, then dray deploy",
      });
    }
    await testAlerts(site.machine.engine, service, context.signal);
    // `dray check` wants to know when the way was proved.
    await edgeOf(site).note({ at: new Date().toISOString(), who, service, alertsTested: true });
  });
}
