import type { EdgeState, Replica } from "../../../edge/state.ts";
import { NETWORK } from "../container/network.ts";
import type { Seen, SeenContainer } from "./observe.ts";

/**
 * Replicas that an older dray put into the one network of all, by service: those that requests still find there.
 * The next deploy gives them a network of their own, whosever they are.
 */
export function movable({ containers, state }: Pick<Seen, "containers" | "state">): Map<string, SeenContainer[]> {
  const found = new Map<string, SeenContainer[]>();
  for (const each of containers) {
    const at = each.service === undefined ? undefined : keptAddress(state, each.service, each.name);
    if (each.service === undefined || !each.networks.includes(NETWORK) || at !== each.address) continue;
    found.set(each.service, [...(found.get(each.service) ?? []), each]);
  }
  return found;
}

/** Where requests find a container of a service, as the state says; a shadow's is as its label says until it is moved. */
export function keptAddress(state: EdgeState, service: string, container: string): string | undefined {
  return replicaOf(state, service, container)?.address;
}

export function replicaOf(state: EdgeState, service: string, container: string): Replica | undefined {
  const replicas = state.services[service]?.releases.flatMap((kept) => kept.replicas) ?? [];
  return replicas.find((replica) => replica.container === container);
}
