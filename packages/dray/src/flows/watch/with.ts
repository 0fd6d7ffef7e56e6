import type { LogOptions } from "../../contract/answers.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { LogLine } from "./logs.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** Makes a container beside the service anew, at each place; resolves to their names. @throws Failure target.unsupported, with.* */
export async function restartWith(scope: Scope, name: string, session: VerbSession): Promise<string[]> {
  const ability = abilityOf("with", scope.manifest, session);
  return await atEach(scope, session, async (subject) => {
    await ability.restart(subject, name, session);
    return subject.place.name;
  });
}

/** Takes one away, at each place; what it wrote stays. @throws Failure target.unsupported, with.unknown */
export async function removeWith(scope: Scope, name: string, session: VerbSession): Promise<string[]> {
  const ability = abilityOf("with", scope.manifest, session);
  return await atEach(scope, session, async (subject) => {
    await ability.remove(subject, name, session);
    return subject.place.name;
  });
}

/** Its log, at each place. @throws Failure target.unsupported, with.unknown */
export async function logsWith(
  scope: Scope,
  what: { name: string; options: LogOptions; onLine: (line: LogLine) => void },
  session: VerbSession,
): Promise<void> {
  const ability = abilityOf("with", scope.manifest, session);
  const { name, options } = what;
  await atEach(scope, session, async (subject) => {
    const onLine = (from: string, line: string): void => what.onLine({ machine: subject.place.name, from, line });
    await ability.logs(subject, { name, options, onLine }, session);
  });
}
