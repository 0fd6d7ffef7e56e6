import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { Release } from "../../../core/release.ts";
import { withSite } from "../plan/site.ts";

/** The release that has the traffic of a service on a machine. @throws Failure ssh.*, docker.* */
export async function liveRelease({ service, place }: Subject, session: Session): Promise<Release | undefined> {
  return await withSite(place, session, async ({ edge }) => {
    const found = (await edge?.state())?.services[service];
    return found?.releases.find(({ release }) => release.id === found.current)?.release;
  });
}
