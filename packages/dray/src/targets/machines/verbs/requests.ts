import type { Session } from "../../../contract/session.ts";
import { edgeOf } from "../plan/observe.ts";
import { HOME } from "../../../edge/state.ts";
import type { Site } from "../plan/observe.ts";
import { Failure } from "../../../base/failure.ts";
import { serviceOn } from "../plan/service-on.ts";
import { withSite } from "../plan/site.ts";
import type { KeptRequest } from "../../../core/kept-request.ts";
import type { Subject } from "../../../contract/place.ts";
/** The kept requests of a service on a machine since a time, oldest first. @throws Failure requests.none */
export async function requestsOn(
  { place, service }: Subject,
  sinceMs: number,
  session: Session,
): Promise<KeptRequest[]> {
  return await withSite(place, session, async (site) => {
    await serviceOn(site, service);
    const kept = (await readKept(site, service)).filter((each) => Date.parse(each.at) >= sinceMs);
    if (kept.length > 0) return kept;
    throw new Failure("requests.none", `no request of ${service} was kept on ${place.name} in that time`, {
      hint: "requests: {share: 5} in the manifest, then dray deploy",
    });
  });
}

export async function readKept(site: Site, service: string): Promise<KeptRequest[]> {
  const file = `${HOME}/requests/${service}.jsonl`;
  const said = await edgeOf(site).run(`cat ${file}.1 ${file} 2>/dev/null`);
  return said
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as KeptRequest);
}

/** Notes there that somebody looked for drift: `dray check` wants to know when. */
export async function noteDrift({ place, service }: Subject, psi: number | undefined, session: Session): Promise<void> {
  await withSite(place, session, async (site) => {
    await edgeOf(site).note({ at: new Date().toISOString(), who: session.who, service, drift: psi });
  });
}
