import type { SecretRow } from "../../contract/answers.ts";
import type { VerbSession } from "../../contract/target.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

export interface SecretsAt {
  machine: string;
  secrets: SecretRow[];
}

/** The names of the live release's secrets, at each place, and how its container gets them. @throws Failure target.unsupported */
export async function listSecrets(scope: Scope, session: VerbSession): Promise<SecretsAt[]> {
  const secrets = abilityOf("secrets", scope.manifest, session);
  return await atEach(scope, session, async (subject) => ({
    machine: subject.place.name,
    secrets: await secrets.list(subject, session),
  }));
}
