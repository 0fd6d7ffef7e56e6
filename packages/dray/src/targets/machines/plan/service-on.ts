import { Failure } from "../../../base/failure.ts";
import { keptOf, type Replica, type ServiceState } from "../../../edge/state.ts";
import type { Site } from "./observe.ts";
import { withVariables } from "../container/secrets.ts";

/** The service's state on a machine. @throws Failure service.unknown */
export async function serviceOn(site: Site, service: string): Promise<ServiceState> {
  const found = (await site.edge?.state())?.services[service];
  if (found !== undefined) return found;
  throw new Failure("service.unknown", `${service} does not run on ${site.machine.name}`, {
    hint: "dray status shows what does; dray deploy starts it",
  });
}

/** The replicas that get the traffic, or those of the release named. @throws Failure */
export async function replicasOf(site: Site, service: string, release: string | undefined): Promise<Replica[]> {
  const state = await serviceOn(site, service);
  const kept = keptOf(state, release ?? state.current);
  if (kept !== undefined) return kept.replicas;
  throw new Failure("release.unknown", `${release} is not kept on ${site.machine.name}`, {
    hint: `kept there: ${state.releases.map((each) => each.release.id).join(", ")}`,
  });
}

/** The first replica that has the traffic, and the argv that gives a program there what the release itself has. @throws Failure */
export async function programIn(
  site: Site,
  service: string,
  argv: readonly string[],
): Promise<{ container: string; argv: string[] }> {
  const state = await serviceOn(site, service);
  const kept = keptOf(state, state.current);
  const [replica] = kept?.replicas ?? [];
  if (kept === undefined || replica === undefined) throw new TypeError("a service without a replica");
  return { container: replica.container, argv: withVariables(kept.release, argv) };
}
