import type { VerbSession } from "../../contract/target.ts";
import { abilityOf, type Scope, subjectOf } from "../fleet/places.ts";

/** Runs a program beside the model, at this terminal; resolves to its exit code. @throws Failure target.unsupported */
export async function exec(
  scope: Scope,
  program: { argv: readonly string[]; terminal: boolean },
  session: VerbSession,
): Promise<number> {
  const ability = abilityOf("exec", scope.manifest, session);
  return await ability.attach(subjectOf(scope, session), program, session);
}
