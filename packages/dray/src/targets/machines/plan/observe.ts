import { architectureName } from "../../../machine/machine.ts";
import type { CertificateStatus } from "drayage-keeper";
import type { Context } from "../../../core/context.ts";
import { Edge, EDGE, EDGE_PORT_LABEL, EDGE_TLS_LABEL, KEEPER } from "../../../edge/edge.ts";
import { EMPTY_STATE, type EdgeState } from "../../../edge/state.ts";
import { EngineError } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { KEEPER_APART_LABEL, secretsOfKeeper } from "../container/labels.ts";
import { keeperStatus } from "../../../edge/keeper-status.ts";
import { listNetworks } from "../container/network.ts";
import { SPEC_LABEL, WITH_LABEL } from "../container/with-container.ts";
import { WALL_LABEL } from "../container/wall.ts";
import { listWeights } from "../container/weights-volumes.ts";

/** Containers of ours on a machine, running or not. */
export interface SeenContainer {
  id: string;
  name: string;
  running: boolean;
  service?: string;
  release?: string;
  role: string;
  address?: string;
  /** Names of the networks that it is in. */
  networks: readonly string[];
  /** Of the wall against the cloud's metadata. */
  wall?: string;
  /** Of a container beside replicas: its name there, and what it was made from. */
  beside?: { name: string; spec: string };
  /** A keeper that listens where no replica is. */
  apart?: true;
}

/** What is on a machine before anything is changed: plain data, what `plan` decides on. */
export interface Seen {
  machine: string;
  architecture: string;
  edge: "none" | "stopped" | "running";
  /** The port at which the edge takes HTTPS, where it is published. */
  tls?: number;
  /** How the keeper's certificates stand, by host. */
  certificates?: Record<string, CertificateStatus>;
  /** The image of the keeper that runs. */
  keeper?: string;
  state: EdgeState;
  containers: SeenContainer[];
  /** Whether the engine takes an image of which it has some layers already. */
  imageStore: "layers" | "containerd";
  /** Our networks, and the addresses of each: `172.30.80.0/20`. */
  networks: Record<string, string>;
  /** Services whose secrets it holds. */
  keeperSecrets?: string[];
  /** Contents of weights that are whole there; asked where a release has some. */
  weights?: readonly string[];
  /** Free bytes where the engine keeps images; undefined when it could not be asked. */
  freeBytes?: number;
  /** Bytes of memory that programs could still get; undefined when it could not be asked. */
  freeMemory?: number;
  /** NVIDIA GPUs, where a release asks for some. */
  gpus?: number;
  /** Who holds the edge's port, when it is not ours. */
  portHolder?: string;
}

/** A machine and its edge for the time of a command. */
export interface Site {
  machine: Machine;
  edge: Edge | undefined;
}

/** The edge of a site, which a plan has made sure of. */
export function edgeOf(site: Site): Edge {
  if (site.edge === undefined) throw new TypeError(`no edge on ${site.machine.name}`);
  return site.edge;
}

/** Opens the edge's shell where there is an edge that runs. */
export async function openEdge(machine: Machine, signal: AbortSignal): Promise<Edge | undefined> {
  try {
    return await Edge.open(machine.engine, signal, machine.login);
  } catch (error) {
    if (error instanceof EngineError && (error.status === 404 || error.status === 409)) return undefined;
    throw error;
  }
}

interface Listed {
  Id: string;
  Names: string[];
  State: string;
  Labels: Record<string, string>;
  Ports: { PublicPort?: number; Type: string }[];
  NetworkSettings?: { Networks: Record<string, object> };
}

/**
 * Looks; changes nothing. Everything is asked at once: three round trips, however much there is to see.
 * `bringing`: an image is to be brought, so disk and image store matter.
 */
export async function survey(
  machine: Machine,
  {
    port,
    bringing,
    gpus = false,
    weights = false,
  }: { port: number; bringing: boolean; gpus?: boolean; weights?: boolean },
  context: Context,
): Promise<{ site: Site; seen: Seen }> {
  const { signal } = context;
  const [edge, listed, free, networks, store, whole] = await Promise.all([
    openEdge(machine, signal),
    machine.engine.get<Listed[]>("/containers/json", { query: { all: true }, signal }),
    bringing ? freeRoom(machine, gpus, signal) : {},
    listNetworks(machine.engine, signal),
    bringing ? imageStore(machine, signal) : ("layers" as const),
    weights ? listWeights(machine.engine, signal) : undefined,
  ]);
  const container = listed.find((each) => each.Names.includes(`/${EDGE}`));
  const keeper = listed.find((each) => each.Names.includes(`/${KEEPER}`) && each.State === "running");
  const certificates = edge === undefined ? undefined : await certificatesOf(edge);
  const tls = Number(container?.Labels[EDGE_TLS_LABEL] ?? Number.NaN);
  const holder = listed.find((each) => each !== container && each.Ports.some((at) => at.PublicPort === port));
  const seen: Seen = {
    machine: machine.name,
    architecture: architectureName(machine.version.Arch),
    edge: container === undefined ? "none" : edge === undefined ? "stopped" : "running",
    state: edge?.known ?? EMPTY_STATE,
    containers: listed.filter((each) => each.Labels["dray.role"] !== undefined).map(ours),
    imageStore: store,
    networks,
    ...(Number.isNaN(tls) ? {} : { tls }),
    ...(certificates === undefined ? {} : { certificates }),
    ...(keeper === undefined
      ? {}
      : { keeper: keeper.Labels["dray.image"] ?? "", keeperSecrets: secretsOfKeeper(keeper.Labels) }),
    ...free,
    ...(whole === undefined ? {} : { weights: whole }),
    ...(holder === undefined ? {} : { portHolder: `the container ${holder.Names[0]?.slice(1) ?? holder.Id}` }),
    ...(container !== undefined && container.Labels[EDGE_PORT_LABEL] !== String(port)
      ? { portHolder: `the edge of this machine listens on port ${container.Labels[EDGE_PORT_LABEL]}` }
      : {}),
  };
  return { site: { machine, edge }, seen };
}

/** Asked only where there are any: it costs a round trip. */
async function certificatesOf(edge: Edge): Promise<Record<string, CertificateStatus> | undefined> {
  const wanted = Object.keys(edge.known.keeper?.certificates ?? {});
  return wanted.length === 0 ? undefined : (await keeperStatus(edge))?.certificates;
}

/** How the engine keeps images: the classic layer store takes parts of an image, containerd's wants it whole. */
async function imageStore(machine: Machine, signal: AbortSignal): Promise<Seen["imageStore"]> {
  const info = await machine.engine.get<{ DriverStatus: [string, string][] | null }>("/info", { signal });
  return (info.DriverStatus ?? []).some(([, value]) => value.includes("containerd")) ? "containerd" : "layers";
}

function ours(container: Listed): SeenContainer {
  const { Labels: labels } = container;
  return {
    id: container.Id,
    name: container.Names[0]?.slice(1) ?? container.Id,
    running: container.State === "running",
    role: labels["dray.role"] ?? "",
    networks: Object.keys(container.NetworkSettings?.Networks ?? {}),
    ...(labels[WALL_LABEL] === undefined ? {} : { wall: labels[WALL_LABEL] }),
    ...(labels[KEEPER_APART_LABEL] === undefined ? {} : { apart: true }),
    ...(labels[WITH_LABEL] === undefined
      ? {}
      : { beside: { name: labels[WITH_LABEL], spec: labels[SPEC_LABEL] ?? "" } }),
    ...(labels["dray.service"] === undefined ? {} : { service: labels["dray.service"] }),
    ...(labels["dray.release"] === undefined ? {} : { release: labels["dray.release"] }),
    ...(labels["dray.address"] === undefined ? {} : { address: labels["dray.address"] }),
  };
}

/** What there is still room for. Free disk is below the engine's folder, or its parent where this user may not look into it. */
async function freeRoom(
  machine: Machine,
  gpus: boolean,
  signal: AbortSignal,
): Promise<Pick<Seen, "freeBytes" | "freeMemory" | "gpus">> {
  const asked = [
    "df -Pk /var/lib/docker /var/lib 2>/dev/null | sed -n 2p",
    "grep MemAvailable /proc/meminfo",
    ...(gpus ? ["nvidia-smi -L 2>/dev/null | grep -c ^GPU"] : []),
  ];
  const ended = await machine.run(["sh", "-c", asked.join("; ")], { signal }).catch(() => undefined);
  const [disk = "", memory = "", cards = ""] = ended?.stdout.trim().split("\n") ?? [];
  const [freeBytes, freeMemory] = [disk.split(/\s+/)[3], memory.split(/\s+/)[1]].map((kib) => Number(kib) * 1024);
  return {
    ...(freeBytes !== undefined && Number.isFinite(freeBytes) ? { freeBytes } : {}),
    ...(freeMemory !== undefined && Number.isFinite(freeMemory) ? { freeMemory } : {}),
    ...(gpus && cards !== "" ? { gpus: Number(cards) } : {}),
  };
}

/** Addresses that containers of ours have, or had: those of an older dray were moved, and their labels say where from. */
export function takenOn({ containers, state }: Seen): Set<string> {
  const kept = Object.values(state.services).flatMap(({ releases }) => releases.flatMap(({ replicas }) => replicas));
  return new Set([...containers, ...kept].flatMap(({ address }) => address ?? []));
}
