import type { VerbSession } from "../../contract/target.ts";
import type { Report } from "../../core/report.ts";
import { atEach, type Scope, targetOf } from "../fleet/places.ts";

/** What runs, at each place: of the service, or everything of ours. @throws Failure */
export async function status(scope: Scope, what: "service" | "all", session: VerbSession): Promise<Report[]> {
  const target = targetOf(scope.manifest, session);
  return await atEach(scope, session, async (subject) => await target.status(subject, what, session));
}
