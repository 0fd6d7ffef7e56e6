import type { Access } from "../../contract/answers.ts";
import type { VerbSession } from "../../contract/target.ts";
import { newKey } from "../../manifest/keys.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** Who may call, at each place. @throws Failure target.unsupported */
export async function listKeys(scope: Scope, session: VerbSession): Promise<({ machine: string } & Access)[]> {
  const keys = abilityOf("keys", scope.manifest, session);
  return await atEach(scope, session, async (subject) => ({
    machine: subject.place.name,
    ...(await keys.list(subject, session)),
  }));
}

/** Lets a caller in from the next request on; resolves to the key, which is kept nowhere. @throws Failure keys.taken */
export async function addKey(scope: Scope, name: string, session: VerbSession): Promise<string> {
  const keys = abilityOf("keys", scope.manifest, session);
  const { value, key } = newKey();
  await atEach(scope, session, async (subject) => await keys.add(subject, { name, key }, session));
  return value;
}

/** Shuts a caller out from the next request on; resolves to who is left, at each place. @throws Failure keys.unknown */
export async function revokeKey(scope: Scope, name: string, session: VerbSession): Promise<Access[]> {
  const keys = abilityOf("keys", scope.manifest, session);
  return await atEach(scope, session, async (subject) => await keys.revoke(subject, name, session));
}
