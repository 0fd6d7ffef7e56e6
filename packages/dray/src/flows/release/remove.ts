import { Failure } from "../../base/failure.ts";
import type { Place } from "../../contract/place.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Plan } from "../../core/plan.ts";
import type { Prepared } from "../../core/prepared.ts";
import type { Report } from "../../core/report.ts";
import { onEach } from "../fleet/fleet.ts";
import { atEach, type Scope, targetOf } from "../fleet/places.ts";

/** What is asked before anything goes. */
export interface RemoveOptions {
  /** False stops; left out, nobody is asked. */
  confirm?: (what: string, plans: readonly Plan[]) => Promise<boolean>;
}

/** Takes a service away, with everything that was made for it. @throws Failure service.unknown, usage.declined */
export async function remove(scope: Scope, { confirm }: RemoveOptions, session: VerbSession): Promise<Report[]> {
  const { manifest } = scope;
  const target = targetOf(manifest, session);
  const prepared = new Map<Place, Prepared<Report>>();
  await atEach(scope, session, async (subject) => {
    prepared.set(subject.place, await target.remove(subject, session));
  });
  const places = [...prepared.keys()];
  const plans = [...prepared.values()].map(({ plan }) => plan);
  const what = `${manifest.service} and its kept releases from ${places.map(({ name }) => name).join(", ")}`;
  if (confirm !== undefined && !(await confirm(what, plans)))
    throw new Failure("usage.declined", `not confirmed: this removes ${what}`, { hint: "if so: dray remove --yes" });
  return await onEach(places, manifest.atOnce, async (place) => {
    const going = prepared.get(place);
    if (going === undefined) throw new TypeError("a place without a plan");
    return await going.perform(session);
  });
}
