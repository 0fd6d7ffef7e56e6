import type { Callers } from "../../../core/keys.ts";
import { isClosed } from "../../../edge/keys.ts";
import type { EdgeState, ServiceState } from "../../../edge/state.ts";

/** The state in which the manifest's keys are those that it names now; keys that were added by command stay. */
export function withKeys(state: EdgeState, service: string, wanted: Callers): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  return { ...state, services: { ...state.services, [service]: withCallers(known, wanted) } };
}

function withCallers(known: ServiceState, wanted: Callers): ServiceState {
  const { keys: before, closed: _before, ...rest } = known;
  const closed = wanted === undefined ? isClosed(known) : wanted !== "off";
  const byHand = Object.entries(before ?? {}).filter(([, key]) => key.from === "command");
  const keys = { ...Object.fromEntries(byHand), ...(typeof wanted === "object" ? wanted : {}) };
  if (!closed && Object.keys(keys).length === 0) return rest;
  return { ...rest, keys, closed };
}

/** Who may call a service, in words. */
function inWords(service: ServiceState): string {
  if (!isClosed(service)) return "anybody";
  const names = Object.keys(service.keys ?? {}).toSorted();
  return names.length === 0 ? "nobody: no key is left" : `with a key: ${names.join(", ")}`;
}

/** Who may call before and after a deploy, for people. */
export function callersBeforeAndAfter(
  before: ServiceState | undefined,
  wanted: Callers,
): [before: string | undefined, after: string] {
  const unknown: ServiceState = { service: "", current: "", releases: [] };
  return [before && inWords(before), inWords(withCallers(before ?? unknown, wanted))];
}
