import type { ContainerFacts } from "../core/evidence.ts";
import { type EngineHealth, healthOf } from "../core/health.ts";
import { type Engine, isMissing } from "../machine/engine.ts";
import { containerLogs } from "./logs.ts";

interface Inspected {
  Name: string;
  Image: string;
  RestartCount: number;
  State: {
    Status: ContainerFacts["status"];
    ExitCode: number;
    OOMKilled: boolean;
    Error: string;
    StartedAt: string;
    Pid: number;
    Health?: EngineHealth | null;
  };
  Config: { Image: string; ExposedPorts?: Record<string, object> };
  HostConfig: {
    Memory: number;
    NetworkMode: string;
    PortBindings: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
  };
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
}

const LOG_LINES = 20;

/** A container in the engine's own words. `clock`: seconds since 1970 on the machine. Null: there is none of this name. */
export async function askContainer(
  engine: Engine,
  name: string,
  clock: () => Promise<number>,
  signal: AbortSignal,
): Promise<ContainerFacts | null> {
  try {
    const [found, log, now] = await Promise.all([
      engine.get<Inspected>(`/containers/${encodeURIComponent(name)}/json`, { signal }),
      containerLogs(engine, name, LOG_LINES, signal).catch(() => []),
      clock(),
    ]);
    const image = await engine
      .get<{ Architecture: string }>(`/images/${found.Image}/json`, { signal })
      .catch(() => undefined);
    return factsOf(found, log, now, image?.Architecture);
  } catch (error) {
    signal.throwIfAborted();
    if (isMissing(error)) return null;
    throw error;
  }
}

function factsOf(found: Inspected, log: string[], now: number, architecture: string | undefined): ContainerFacts {
  const { State: state, HostConfig: host } = found;
  const { Networks: networks } = found.NetworkSettings;
  // The edge is in many; the one that it was made in has its published ports.
  const own = networks[host.NetworkMode]?.IPAddress;
  const address = own || Object.values(networks).find((each) => each.IPAddress !== "")?.IPAddress;
  const health = healthOf(state.Health);
  return {
    ...(health === undefined ? {} : { health }),
    name: found.Name.replace(/^\//, ""),
    status: state.Status,
    exitCode: state.ExitCode,
    outOfMemory: state.OOMKilled,
    error: state.Error,
    restarts: found.RestartCount,
    uptimeS: Math.max(0, Math.round(now - Date.parse(state.StartedAt) / 1000)),
    image: found.Config.Image,
    ...(architecture === undefined ? {} : { architecture }),
    memoryLimit: host.Memory,
    pid: state.Pid,
    address: address ?? "",
    exposed: Object.keys(found.Config.ExposedPorts ?? {}).map((each) => Number.parseInt(each, 10)),
    // What was asked for: a container that does not run has no ports of its own, and its bindings say what it should.
    published: Object.entries(host.PortBindings ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? []).map((each) => ({
        hostIp: each.HostIp,
        hostPort: Number(each.HostPort),
        port: Number.parseInt(port, 10),
      })),
    ),
    hostNetwork: host.NetworkMode === "host",
    log,
  };
}
