import type { VerbSession } from "../../contract/target.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** Has each place send a test alert the way it would send a real one; resolves to their names. @throws Failure alerts.none */
export async function testAlerts(scope: Scope, session: VerbSession): Promise<string[]> {
  const alerts = abilityOf("alerts", scope.manifest, session);
  return await atEach(scope, session, async (subject) => {
    await alerts.test(subject, session);
    return subject.place.name;
  });
}
