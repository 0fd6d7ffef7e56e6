import type { SecretRow } from "../../../contract/answers.ts";
import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { keptOf } from "../../../edge/state.ts";
import { withSite } from "../plan/site.ts";
import { serviceOn } from "../plan/service-on.ts";

/** The names of the live release's secrets on a machine, and how its container gets each. */
export async function secretsOn({ place, service }: Subject, session: Session): Promise<SecretRow[]> {
  return await withSite(place, session, async (site) => {
    const known = await serviceOn(site, service);
    const settings = keptOf(known, known.current)?.release.settings;
    return (settings?.secrets ?? []).map((name) => ({
      name,
      as: settings?.secretFiles?.includes(name) === true ? "file" : "env",
    }));
  });
}
