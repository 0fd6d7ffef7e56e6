import { Failure } from "../../base/failure.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { MachineMetrics } from "../../core/metrics.ts";
import { abilityOf, atEach, type Scope, subjectsOf } from "../fleet/places.ts";

/** What the endpoint did in the last seconds, at each place. @throws Failure keeper.none, target.unsupported */
export async function metrics(scope: Scope, sinceS: number, session: VerbSession): Promise<MachineMetrics[]> {
  const ability = abilityOf("metrics", scope.manifest, session);
  return await atEach(scope, session, async (subject) => await ability.read(subject, sinceS, session));
}

/** The same of one place again and again, until the session's signal. @throws Failure usage.invalid */
export async function watchMetrics(
  scope: Scope,
  how: { sinceS: number; everyMs: number; onMetrics: (found: MachineMetrics) => void },
  session: VerbSession,
): Promise<void> {
  const ability = abilityOf("metrics", scope.manifest, session);
  const [subject, ...more] = subjectsOf(scope, session);
  if (subject === undefined || more.length > 0)
    throw new Failure("usage.invalid", "one machine can be watched at a time", { hint: "name it: --machine" });
  await ability.watch(subject, how, session);
}
