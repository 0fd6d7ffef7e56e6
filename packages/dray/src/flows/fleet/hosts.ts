import { Failure } from "../../base/failure.ts";
import type { Cleaned, HostFacts, SetUp } from "../../contract/answers.ts";
import type { Abilities } from "../../contract/abilities.ts";
import type { HandMade } from "../../core/hand-made.ts";
import type { Place } from "../../contract/place.ts";
import type { Plan } from "../../core/plan.ts";
import type { VerbSession } from "../../contract/target.ts";
import { onEach } from "./fleet.ts";
import { abilityOf, type Scope, subjectsOf } from "./places.ts";

type Hosts = NonNullable<Abilities["hosts"]>;

/** Computers that people own: those of a manifest, or one that is named by how ssh calls it. */
export type Whose = Scope | { host: string };

/** Who has computers, and which ones are meant. */
export function hostsOf(whose: Whose, session: VerbSession): { hosts: Hosts; places: Place[] } {
  if (!("host" in whose)) {
    const hosts = abilityOf("hosts", whose.manifest, session);
    return { hosts, places: subjectsOf(whose, session).map(({ place }) => place) };
  }
  const { hosts } = session.byHand.can;
  if (hosts === undefined)
    throw new Failure("target.unsupported", `${session.byHand.kind} has no computers of its own`);
  return { hosts, places: [{ name: whose.host, at: whose.host }] };
}

/** What each computer is. @throws Failure ssh.*, docker.* */
export async function hostFacts(whose: Whose, session: VerbSession): Promise<HostFacts[]> {
  const { hosts, places } = hostsOf(whose, session);
  return await onEach(places, places.length, async (place) => await hosts.facts(place, session));
}

/** A container that somebody started by hand on a computer. @throws Failure ssh.*, docker.*, container.unknown */
export async function handMade(host: string, container: string, session: VerbSession): Promise<HandMade> {
  const { hosts } = hostsOf({ host }, session);
  return await hosts.handMade({ name: host, at: host }, container, session);
}

/** Makes each computer ready, one after the other; `agree` is shown what would be run. @throws Failure machine.* */
export async function setUpHosts(
  whose: Whose,
  agree: (place: Place, plan: SetUp) => Promise<void>,
  session: VerbSession,
): Promise<{ machine: string; changed: boolean }[]> {
  const { hosts, places } = hostsOf(whose, session);
  return await onEach(places, 1, async (place) => {
    const plan = await hosts.planSetUp(place, session);
    if (!plan.needed) return { machine: place.name, changed: false };
    await agree(place, plan);
    await hosts.setUp(place, plan, session);
    return { machine: place.name, changed: true };
  });
}

/** How computers are cleaned. */
export interface CleanOptions {
  /** What services keep in volumes goes, too. */
  data: boolean;
  /** Is shown what would go, and throws where it is not to be. */
  agree: (plan: Plan) => Promise<void>;
}

/** Removes everything of dray's from each computer, one after the other. @throws Failure machine.not-clean, service.locked */
export async function cleanHosts(
  whose: Whose,
  { data, agree }: CleanOptions,
  session: VerbSession,
): Promise<Cleaned[]> {
  const { hosts, places } = hostsOf(whose, session);
  return await onEach(places, 1, async (place) => {
    const prepared = await hosts.clean(place, { data }, session);
    if (prepared.plan.stages.length > 0) await agree(prepared.plan);
    return await prepared.perform(session);
  });
}
