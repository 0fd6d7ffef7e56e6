import path from "node:path";
import type { Context } from "../../core/context.ts";
import { Edge, EDGE, EDGE_PORT_LABEL } from "../../machine/edge.ts";
import { EMPTY_STATE, type EdgeState } from "../../machine/edge-config.ts";
import { EngineError } from "../../machine/engine.ts";
import type { Machine } from "../../machine/machine.ts";

/** Containers of ours on a machine, running or not. */
export interface SeenContainer {
  id: string;
  name: string;
  running: boolean;
  service?: string;
  release?: string;
  role: string;
  address?: string;
}

/** What is on a machine before anything is changed: plain data, what `plan` decides on. */
export interface Seen {
  machine: string;
  architecture: string;
  edge: "none" | "stopped" | "running";
  state: EdgeState;
  containers: SeenContainer[];
  /** Free bytes where the engine keeps images; undefined when it could not be asked. */
  freeBytes?: number;
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
    return await Edge.open(machine.engine, signal);
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
}

/** Looks; changes nothing. Everything is asked at once: a round trip or two, however far away the machine is. */
export async function observe(site: Site, port: number, context: Context): Promise<Seen> {
  const { machine } = site;
  const { signal } = context;
  const [listed, state, freeBytes] = await Promise.all([
    machine.engine.get<Listed[]>("/containers/json", { query: { all: true }, signal }),
    site.edge?.state() ?? Promise.resolve(EMPTY_STATE),
    freeDisk(machine, signal),
  ]);
  const edge = listed.find((container) => container.Names.includes(`/${EDGE}`));
  const holder = listed.find((container) => container !== edge && container.Ports.some((at) => at.PublicPort === port));
  return {
    machine: machine.name,
    architecture: architectureName(machine.version.Arch),
    edge: edge === undefined ? "none" : edge.State === "running" ? "running" : "stopped",
    state: edge === undefined ? EMPTY_STATE : state,
    containers: listed.filter((container) => container.Labels["dray.role"] !== undefined).map(seen),
    ...(freeBytes === undefined ? {} : { freeBytes }),
    ...(holder === undefined ? {} : { portHolder: `the container ${holder.Names[0]?.slice(1) ?? holder.Id}` }),
    ...(edge !== undefined && edge.Labels[EDGE_PORT_LABEL] !== String(port)
      ? { portHolder: `the edge of this machine listens on port ${edge.Labels[EDGE_PORT_LABEL]}` }
      : {}),
  };
}

function seen(container: Listed): SeenContainer {
  const { Labels: labels } = container;
  return {
    id: container.Id,
    name: container.Names[0]?.slice(1) ?? container.Id,
    running: container.State === "running",
    role: labels["dray.role"] ?? "",
    ...(labels["dray.service"] === undefined ? {} : { service: labels["dray.service"] }),
    ...(labels["dray.release"] === undefined ? {} : { release: labels["dray.release"] }),
    ...(labels["dray.address"] === undefined ? {} : { address: labels["dray.address"] }),
  };
}

/** Free bytes below the engine's folder, or its nearest parent this user may look at. */
async function freeDisk(machine: Machine, signal: AbortSignal): Promise<number | undefined> {
  for (const folder of ["/var/lib/docker", path.dirname("/var/lib/docker")]) {
    const ended = await machine.run(["df", "-Pk", folder], { signal }).catch(() => undefined);
    const free = Number(ended?.stdout.trim().split("\n").at(-1)?.split(/\s+/)[3]);
    if (ended?.code === 0 && Number.isFinite(free)) return free * 1024;
  }
  return undefined;
}

/** Docker's name of an architecture: what `uname -m` calls x86_64 is amd64 there. */
export function architectureName(arch: string): string {
  const names: Record<string, string> = { x86_64: "amd64", aarch64: "arm64", armv7l: "arm" };
  return names[arch] ?? arch;
}
