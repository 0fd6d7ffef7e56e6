import { asFailure } from "../../../base/failure.ts";
import { sleep } from "drayage-clock";
import type { Context } from "../../../core/context.ts";
import type { EdgeState } from "../../../edge/state.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { imageOfEdge } from "../container/one-setup.ts";
import type { Work } from "../plan/work.ts";
import { takeLock } from "../plan/lock.ts";
import { freeAddress, join, leave, NETWORK, openNetwork } from "../container/network.ts";
import { setUpNetwork } from "./network-setup.ts";
import { keptAddress, movable, replicaOf } from "../plan/movable.ts";
import { edgeOf, type SeenContainer, type Site } from "../plan/observe.ts";

/** A replica's address in the network that it had with everybody, and the one in its service's own. */
interface Moved {
  from: string;
  to: string;
}

/** How long a replica may take to answer at its new address; it answers at the old one already. */
const REACH_MS = 1000;

/**
 * Puts replicas into their service's network while they answer, and lets the edge call them there; none is started anew.
 * What cannot be moved stays where it is, and is told.
 */
export async function moveServices(work: Work, services: readonly string[], context: Context): Promise<void> {
  const { site, release, who, seen } = work;
  const all = movable(seen);
  for (const service of services) {
    try {
      // Our own lock is held already; another service's may be held by who deploys it now.
      const own = service === release.service;
      const lease = own ? undefined : await takeLock(edgeOf(site), service, who, context.signal);
      try {
        await moveService(work, service, all.get(service) ?? [], context);
      } finally {
        await lease?.release();
      }
    } catch (error) {
      context.signal.throwIfAborted();
      const text = `${service} stays in the network of all services until the next deploy: ${asFailure(error).message}`;
      context.emit({ type: "warning", text });
    }
  }
}

async function moveService(
  work: Work,
  service: string,
  containers: readonly SeenContainer[],
  { signal, emit }: Context,
): Promise<void> {
  const { site, taken, who } = work;
  const { engine } = site.machine;
  const edge = edgeOf(site);
  const network = openNetwork(service);
  const subnet = await setUpNetwork(site, network, signal);
  const moved = new Map<string, Moved>();
  await Promise.all(
    containers.map(async ({ name, address: from = "", running }) => {
      const to = freeAddress(subnet, taken);
      taken.add(to);
      // Somebody may have been stopped half way: then it is there, at another address.
      await leave(engine, network, name, signal);
      await join(engine, network, { container: name, address: to }, signal);
      const port = replicaOf(edge.known, service, name)?.port ?? 0;
      // A program may listen at the one address that it had when it began.
      if (running && (await edge.reaches(to, port, REACH_MS)) !== true) {
        await leave(engine, network, name, signal);
        emit({
          type: "warning",
          text: `${name} answers at no other address than ${from}: it moves with the next release`,
        });
      } else moved.set(name, { from, to });
    }),
  );
  if (moved.size === 0) return;
  await edge.change(
    service,
    (state) => withAddresses(state, service, moved),
    () => ({ at: new Date().toISOString(), who, service, moved: [...moved.keys()], network }),
  );
  // Nobody asks who is stopped; those that run go when nobody uses the old address any more.
  for (const { name, running } of containers)
    if (!running && moved.has(name)) await leave(engine, NETWORK, name, signal);
}

/** The state in which replicas of a service are found at their new addresses, by container. */
export function withAddresses(state: EdgeState, service: string, moved: ReadonlyMap<string, Moved>): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const releases = known.releases.map((kept) => ({
    ...kept,
    replicas: kept.replicas.map((replica) => {
      const to = moved.get(replica.container);
      return to === undefined || to.from !== replica.address ? replica : { ...replica, address: to.to };
    }),
  }));
  return { ...state, services: { ...state.services, [service]: { ...known, releases } } };
}

const PATIENCE_MS = 150_000;
const POLL_MS = 1000;

/**
 * Takes replicas that were moved out of the network of all services, each when nothing goes over its old address any
 * more, in or out. What never rests, such as a connection to a database, stays until its next release. `elsewhere` says
 * that something more urgent waits.
 */
export async function leaveOldNetwork(
  site: Site,
  elsewhere: (state: EdgeState) => Promise<boolean>,
  context: Context,
): Promise<"done" | "called away"> {
  const { engine } = site.machine;
  const { signal } = context;
  const edge = edgeOf(site);
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const state = await edge.state();
    const waiting = await lingering(engine, state, signal);
    if (waiting.length === 0 || performance.now() > until) return "done";
    if (await elsewhere(state)) return "called away";
    // A HAProxy from before a reload still sends to the old addresses.
    if (!(await edge.hasOldWorkers())) {
      await Promise.all(
        waiting.map(async ({ name, address, running }) => {
          if (!running || (await isQuiet(engine, name, address, signal))) await leave(engine, NETWORK, name, signal);
        }),
      );
    }
    await sleep(POLL_MS, signal);
  }
}

interface Lingering {
  name: string;
  /** In the network of all. */
  address: string;
  running: boolean;
}

async function lingering(engine: Engine, state: EdgeState, signal: AbortSignal): Promise<Lingering[]> {
  interface Listed {
    Names: string[];
    State: string;
    Labels: Record<string, string>;
    NetworkSettings: { Networks: Record<string, object> };
  }
  const query = { all: true, filters: { label: ["dray.role=replica"] } };
  const listed = await engine.get<Listed[]>("/containers/json", { query, signal });
  return listed.flatMap(({ Names, State, Labels, NetworkSettings }) => {
    const name = Names[0]?.slice(1) ?? "";
    const { "dray.address": address = "", "dray.service": service = "" } = Labels;
    const now = keptAddress(state, service, name);
    const there = NetworkSettings.Networks[NETWORK] !== undefined;
    return !there || now === undefined || now === address ? [] : [{ name, address, running: State === "running" }];
  });
}

/** So many looks in a row, a fifth of a second apart, must find nothing. */
const LOOKS = 10;
const MOST_LOOKS = 50;

/** Is an address of a container out of use? Asked by a container of the edge's image in its network: its own image may have no program for that. */
async function isQuiet(engine: Engine, container: string, address: string, signal: AbortSignal): Promise<boolean> {
  const Image = await imageOfEdge(engine, signal);
  const body = {
    Image,
    Entrypoint: [],
    Cmd: ["bash", "-c", quietScript(address)],
    User: "0:0",
    Labels: { "dray.role": "look" },
    HostConfig: { NetworkMode: `container:${container}`, CapDrop: ["ALL"], ReadonlyRootfs: true },
  };
  const { Id } = await engine.post<{ Id: string }>("/containers/create", { body, signal });
  try {
    await engine.post(`/containers/${Id}/start`, { signal });
    const { StatusCode } = await engine.post<{ StatusCode: number }>(`/containers/${Id}/wait`, { signal });
    return StatusCode === 0;
  } catch (error) {
    // It has ended meanwhile, and is nobody's concern any more.
    if (isMissing(error)) return false;
    throw error;
  } finally {
    await engine.call("DELETE", `/containers/${Id}`, { query: { force: true }, signal });
  }
}

/** The kernel's table has addresses in hexadecimal, the last byte first; 0A listens, 06 is over. */
function quietScript(address: string): string {
  const bytes = address.split(".").map((each) => Number(each).toString(16).toUpperCase().padStart(2, "0"));
  return `quiet=0
    for ((look = 0; look < ${MOST_LOOKS}; look++)); do
      busy=0
      while read -r _ at _ state _; do
        if [[ $at == *${bytes.toReversed().join("")}:* && $state != 0A && $state != 06 ]]; then busy=1; fi
      done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
      if ((busy)); then quiet=0; else ((++quiet < ${LOOKS})) || exit 0; fi
      sleep 0.2
    done
    exit 1`;
}
