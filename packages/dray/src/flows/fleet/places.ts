import { Failure } from "../../base/failure.ts";
import type { Abilities, Ability } from "../../contract/abilities.ts";
import type { Subject } from "../../contract/place.ts";
import type { AnyTarget, VerbSession } from "../../contract/target.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { onEach } from "./fleet.ts";

/** What a verb is about: a manifest's service, everywhere or at the place called `only`. */
export interface Scope {
  manifest: Manifest;
  only?: string;
}

/** The target that a manifest names. @throws Failure usage.invalid */
export function targetOf({ target }: Pick<Manifest, "target">, { targets }: VerbSession): AnyTarget {
  const found = targets[target];
  if (found !== undefined) return found;
  throw new Failure("usage.invalid", `dray knows no target ${target}`, {
    hint: `it knows: ${Object.keys(targets).join(", ")}`,
  });
}

/** The service at each of its places. @throws Failure usage.invalid */
export function subjectsOf({ manifest, only }: Scope, session: VerbSession): Subject[] {
  const places = targetOf(manifest, session).places(manifest, only);
  return places.map((place) => ({ service: manifest.service, place, manifest }));
}

/** The service at its first place. @throws Failure usage.invalid */
export function subjectOf(scope: Scope, session: VerbSession): Subject {
  const [subject] = subjectsOf(scope, session);
  if (subject !== undefined) return subject;
  throw new Failure("usage.invalid", `${scope.manifest.service} has no place to run at`, {
    hint: "machine: user@host in the manifest",
  });
}

/** What a target can do, or its own sentence on what there is instead. @throws Failure target.unsupported */
export function abilityOf<A extends Ability>(
  ability: A,
  manifest: Pick<Manifest, "service" | "target">,
  session: VerbSession,
): NonNullable<Abilities[A]> {
  const { can, kind, lacks } = targetOf(manifest, session);
  const found = can[ability];
  if (found !== undefined) return found;
  const others = Object.values(session.targets).filter((target) => target.can[ability] !== undefined);
  throw new Failure(
    "target.unsupported",
    `the target of ${manifest.service} is ${kind}, which has no ${ability}: ${lacks[ability] ?? "it cannot do that"}`,
    others.length === 0 ? {} : { hint: `${others.map((other) => `--target ${other.kind}`).join(", ")} has it` },
  );
}

/** Asks for the same at every place, side by side. @throws Failure fleet.partly-failed, and those of `act` */
export async function atEach<T>(
  scope: Scope,
  session: VerbSession,
  act: (subject: Subject) => Promise<T>,
): Promise<T[]> {
  const subjects = subjectsOf(scope, session);
  const byPlace = new Map(subjects.map((subject) => [subject.place, subject]));
  return await onEach([...byPlace.keys()], subjects.length, async (place) => {
    return await act({ ...scope, service: scope.manifest.service, place });
  });
}
