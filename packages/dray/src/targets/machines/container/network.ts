import { createHash, randomInt } from "node:crypto";
import { BlockList } from "node:net";
import { Failure } from "../../../base/failure.ts";
import type { Release } from "../../../core/release.ts";
import { type Engine, EngineError, isMissing, isTaken } from "../../../machine/engine.ts";

/**
 * The edge's own network, its way in and out. Of all networks that a container is in, engines give the first by name
 * the default route and the published ports: every other network of ours sorts behind this one.
 */
export const NETWORK = "dray";
/** Where the keeper listens; nobody is there but the edge. */
export const KEEPER_NETWORK = "dray-keeper";

/** A service's name has no dot, so no service can be called as one of these. A release of an older dray has not said whether it needs the cloud's metadata. */
export function networkOf({ service, settings }: Pick<Release, "service" | "settings">): string {
  return settings.metadata === false ? `dray.${service}` : openNetwork(service);
}

/** The network of a service that may ask the cloud's metadata. */
export const openNetwork = (service: string): string => `dray.${service}.metadata`;

/** Every network that a service may have. */
export const networksOf = (service: string): string[] => [`dray.${service}`, openNetwork(service)];

/** Bridges whose names begin so have no way to the cloud's metadata. */
export const CLOSED_BRIDGE = "drayc";
const OPEN_BRIDGE = "drayo";

/** A bridge's name has at most fifteen characters. */
function bridgeOf(network: string): string {
  const start = network.endsWith(".metadata") ? OPEN_BRIDGE : CLOSED_BRIDGE;
  return start + createHash("sha256").update(network).digest("hex").slice(0, 9);
}

interface Network {
  Name: string;
  Labels: Record<string, string> | null;
  IPAM: { Config: { Subnet?: string }[] | null };
}

const subnet = ({ IPAM }: Network): string => IPAM.Config?.[0]?.Subnet ?? "";

/** Our networks on a machine, and the addresses of each: `172.30.80.0/20`. */
export async function listNetworks(engine: Engine, signal: AbortSignal): Promise<Record<string, string>> {
  const query = { filters: { label: ["dray.role=network"] } };
  const found = await engine.get<Network[]>("/networks", { query, signal });
  return Object.fromEntries(found.map((each) => [each.Name, subnet(each)]));
}

/** The first 4,096 addresses are for the edge's network, as an older dray made it; services have 1,024 each. */
const EDGE_SUBNETS = ["172.30.80.0/20", "10.86.80.0/20", "192.168.208.0/20", "10.213.160.0/20"];
const RANGES: readonly [start: string, from: number][] = [
  ["172.30", 96],
  ["10.86", 96],
  ["10.213", 176],
  ["192.168", 224],
];

function* subnets(name: string): Generator<string> {
  if (name === NETWORK) return yield* EDGE_SUBNETS;
  for (const [start, from] of RANGES) for (let third = from; third < 256; third += 4) yield `${start}.${third}.0/22`;
}

/** Do two of these have addresses in common? */
function overlap(one: string, other: string): boolean {
  const within = (all: string, part: string): boolean => {
    const [address = "", bits = "32"] = all.split("/");
    const list = new BlockList();
    list.addSubnet(address, Number(bits));
    return list.check(part.split("/")[0] ?? "");
  };
  return within(one, other) || within(other, one);
}

/** What is free by what the engine says may still be refused: of so many the next one is tried. */
const TRIES = 12;

/** Makes a network of ours where it is missing; returns its subnet. Safe to do twice, also at once. @throws Failure machine.no-network */
export async function makeNetwork(engine: Engine, name: string, signal: AbortSignal): Promise<string> {
  const refused = new Set<string>();
  let last: unknown;
  for (let tries = 0; tries < TRIES; tries++) {
    const all = await engine.get<Network[]>("/networks", { signal });
    const found = all.find((each) => each.Name === name);
    if (found !== undefined) return subnet(found);
    const used = all.map(subnet).filter((each) => /^[\d.]+\/\d+$/.test(each));
    const next = [...subnets(name)].find((each) => !refused.has(each) && !used.some((other) => overlap(each, other)));
    if (next === undefined) break;
    try {
      await engine.post("/networks/create", { signal, body: networkBody(name, next) });
      return next;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      // Taken: somebody made it between our two questions; the next round finds it.
      if (!isTaken(error)) refused.add(next);
      last = error;
    }
  }
  throw new Failure("machine.no-network", `the engine has no room for the network ${name}`, {
    hint: "docker network ls on the machine shows what is there; docker network prune removes what nobody uses",
    cause: last,
  });
}

function networkBody(name: string, Subnet: string): object {
  const options = name === NETWORK ? {} : { Options: { "com.docker.network.bridge.name": bridgeOf(name) } };
  return {
    Name: name,
    CheckDuplicate: true,
    Driver: "bridge",
    Labels: { "dray.role": "network" },
    IPAM: { Config: [{ Subnet }] },
    ...options,
  };
}

/** Puts a container into a network, also while it runs; one that is not there, or in it already, is left alone. */
export async function join(
  engine: Engine,
  name: string,
  { container, address }: { container: string; address?: string },
  signal: AbortSignal,
): Promise<void> {
  const fixed = address === undefined ? {} : { EndpointConfig: { IPAMConfig: { IPv4Address: address } } };
  try {
    await engine.post(`/networks/${name}/connect`, { body: { Container: container, ...fixed }, signal });
  } catch (error) {
    const there = error instanceof EngineError && /already exists in network|already attached/.test(error.message);
    if (!there && !isMissing(error)) throw error;
  }
}

/** Takes a container out of a network, where it is in it. */
export async function leave(engine: Engine, name: string, container: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.post(`/networks/${name}/disconnect`, { body: { Container: container, Force: true }, signal });
  } catch (error) {
    const absent = error instanceof EngineError && /is not connected|no such container/i.test(error.message);
    if (!absent && !isMissing(error)) throw error;
  }
}

/** Puts a container into the networks of all services: the edge and the keeper, when they are made anew. */
export async function joinServices(engine: Engine, container: string, signal: AbortSignal): Promise<void> {
  const names = Object.keys(await listNetworks(engine, signal)).filter((name) => name.startsWith(`${NETWORK}.`));
  for (const name of names) await join(engine, name, { container }, signal);
}

/** Removes networks of ours, with whoever of `members` is still in them. */
export async function removeNetworks(
  engine: Engine,
  names: readonly string[],
  members: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const name of names) {
    for (const member of members) await leave(engine, name, member, signal);
    await engine.call("DELETE", `/networks/${name}`, { signal }).catch((error: unknown) => {
      // Missing, or somebody put a container of their own there: then it is theirs.
      if (!(error instanceof EngineError)) throw error;
    });
  }
}

/** A free address in a network, at random: two deploys of different drays at once will hardly meet. @throws Failure machine.no-network */
export function freeAddress(network: string, taken: ReadonlySet<string>): string {
  const [a = 0, b = 0, c = 0, _d, bits = 24] = network.split(/[./]/).map(Number);
  const thirds = 2 ** (24 - bits);
  for (let tries = 0; tries < 10_000; tries++) {
    const address = `${a}.${b}.${c + randomInt(0, thirds)}.${randomInt(16, 250)}`;
    if (!taken.has(address)) return address;
  }
  throw new Failure("machine.no-network", `every address of ${network} is taken`, {
    hint: "keep fewer releases: keep: 2",
  });
}
