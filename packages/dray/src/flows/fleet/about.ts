import type { Outcome } from "../../contract/order.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { RunAbout, RunResult, RunVerb, Served } from "../../core/run.ts";
import type { Trace } from "../../core/trace.ts";
import type { Whose } from "./hosts.ts";
import { type Scope, subjectsOf } from "./places.ts";

/** A run about a manifest's service. */
export function aboutService(
  { verb, what }: { verb: RunVerb; what?: string | undefined },
  scope: Scope,
  session: VerbSession,
): RunAbout {
  const { service, target } = scope.manifest;
  return { verb, service, target, places: placesOf(scope, session), ...(what === undefined ? {} : { what }) };
}

/** A run about computers. */
export function aboutHosts(verb: RunVerb, whose: Whose, session: VerbSession): RunAbout {
  return { verb, places: "host" in whose ? [whose.host] : placesOf(whose, session) };
}

/** A manifest that names no such place is refused by the verb itself: the run begins with none. */
function placesOf(scope: Scope, session: VerbSession): string[] {
  try {
    return subjectsOf(scope, session).map(({ place }) => place.name);
  } catch {
    return [];
  }
}

/** What a deploy, rollback or rotation led to. */
export function resultOf(outcomes: readonly Outcome[], traces: readonly Trace[] = []): RunResult {
  return { served: outcomes.map(servedOf), traces };
}

function servedOf(outcome: Outcome): Served {
  const { machine, service, release, before, url, secured, bytesSent, servingMs, monthly, notes } = outcome;
  return {
    machine,
    service,
    release,
    url,
    secured,
    bytesSent,
    ...(before === undefined ? {} : { before }),
    ...(servingMs === undefined ? {} : { servingMs }),
    ...(monthly === undefined ? {} : { monthly }),
    ...(notes === undefined ? {} : { notes }),
  };
}
