import { randomInt } from "node:crypto";
import { isMissing, isTaken } from "../../machine/engine.ts";
import type { Machine } from "../../machine/machine.ts";

/** Where the edge and every replica are; no port of it is published but the edge's. */
export const NETWORK = "dray";

/** Networks of 4,096 addresses; the first that does not overlap another of the machine is taken. */
const SUBNETS = ["172.30.80.0/20", "10.86.80.0/20", "192.168.208.0/20", "10.213.160.0/20"];

/** The edge's network, where there is one: `172.30.80.0/20`. */
export async function subnetOf(machine: Machine, signal: AbortSignal): Promise<string | undefined> {
  interface Network {
    IPAM: { Config: { Subnet: string }[] };
  }
  try {
    const network = await machine.engine.get<Network>(`/networks/${NETWORK}`, { signal });
    return network.IPAM.Config[0]?.Subnet;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Makes the edge's network where it is missing; returns its subnet. Safe to do twice, also at once. */
export async function makeNetwork(machine: Machine, signal: AbortSignal): Promise<string> {
  let last: unknown;
  for (const Subnet of SUBNETS) {
    const found = await subnetOf(machine, signal);
    if (found !== undefined) return found;
    const body = { Name: NETWORK, CheckDuplicate: true, Driver: "bridge", Labels: { "dray.role": "network" } };
    try {
      await machine.engine.post("/networks/create", { signal, body: { ...body, IPAM: { Config: [{ Subnet }] } } });
      return Subnet;
    } catch (error) {
      // Taken: somebody made it between our two questions; the next round finds it.
      if (!isTaken(error)) last = error;
    }
  }
  throw last;
}

/** A free address in the edge's network, at random: two services that deploy at once will not meet. */
export function freeAddress(subnet: string, taken: ReadonlySet<string>): string {
  const [a, b, c = 0] = subnet.split(/[./]/).map(Number);
  for (;;) {
    const address = `${a}.${b}.${c + randomInt(0, 16)}.${randomInt(16, 250)}`;
    if (!taken.has(address)) return address;
  }
}
