import type { ShadowFound } from "../../contract/answers.ts";
import type { VerbSession } from "../../contract/target.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** How a shadow's answers compare with the live ones, at each place. @throws Failure shadow.none, target.unsupported */
export async function shadowReport(scope: Scope, session: VerbSession): Promise<ShadowFound[]> {
  const ability = abilityOf("shadow", scope.manifest, session);
  return await atEach(scope, session, async (subject) => await ability.report(subject, session));
}

/** Ends a shadow; resolves to its last report, at each place. @throws Failure shadow.none, target.unsupported */
export async function stopShadow(scope: Scope, session: VerbSession): Promise<ShadowFound[]> {
  const ability = abilityOf("shadow", scope.manifest, session);
  return await atEach(scope, session, async (subject) => await ability.stop(subject, session));
}
