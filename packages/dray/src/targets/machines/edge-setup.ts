import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import { EDGE, EDGE_COMMAND, EDGE_PORT_LABEL, EDGE_VOLUME } from "../../machine/edge.ts";
import { edgeConfig, EMPTY_STATE } from "../../machine/edge-config.ts";
import { EngineError, isMissing, isTaken } from "../../machine/engine.ts";
import type { Machine } from "../../machine/machine.ts";
import { CAGE, NETWORK } from "./container.ts";

/** Networks of 4,096 addresses; the first that does not overlap another of the machine is taken. */
const SUBNETS = ["172.30.80.0/20", "10.86.80.0/20", "192.168.208.0/20", "10.213.160.0/20"];

/** Makes the edge's network and container, or starts what is there. Safe to do twice, also at once. @throws Failure machine.port-taken */
export async function setUpEdge(machine: Machine, image: string, port: number, context: Context): Promise<void> {
  const { signal } = context;
  const { engine } = machine;
  await makeNetwork(machine, signal);
  const state = { ...EMPTY_STATE, port };
  try {
    await engine.post(`/containers/create`, {
      query: { name: EDGE },
      signal,
      body: {
        Image: image,
        Entrypoint: [],
        Cmd: EDGE_COMMAND,
        User: "0:0",
        Env: [`DRAY_FIRST_CONFIG=${edgeConfig(state)}`, `DRAY_FIRST_STATE=${JSON.stringify(state)}`],
        Labels: { "dray.role": "edge", [EDGE_PORT_LABEL]: String(port), "dray.image": image },
        ExposedPorts: { [`${port}/tcp`]: {} },
        HostConfig: {
          ...CAGE,
          CapAdd: ["NET_BIND_SERVICE"],
          NetworkMode: NETWORK,
          RestartPolicy: { Name: "unless-stopped" },
          PortBindings: { [`${port}/tcp`]: [{ HostPort: String(port) }] },
          Mounts: [{ Type: "volume", Source: EDGE_VOLUME.name, Target: EDGE_VOLUME.path }],
        },
      },
    });
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  await engine.post(`/containers/${EDGE}/start`, { signal }).catch(async (error: unknown) => {
    // The engine keeps a container that could not bind its port; leaving it would spoil the next try.
    await engine.call("DELETE", `/containers/${EDGE}`, { query: { force: true }, signal });
    throw await explainPort(error, machine, port, signal);
  });
}

async function makeNetwork(machine: Machine, signal: AbortSignal): Promise<void> {
  const found = await machine.engine.get(`/networks/${NETWORK}`, { signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  if (found !== undefined) return;
  let last: unknown;
  for (const Subnet of SUBNETS) {
    try {
      return void (await machine.engine.post("/networks/create", {
        signal,
        body: {
          Name: NETWORK,
          CheckDuplicate: true,
          Driver: "bridge",
          Labels: { "dray.role": "network" },
          IPAM: { Config: [{ Subnet }] },
        },
      }));
    } catch (error) {
      if (isTaken(error)) return;
      last = error;
    }
  }
  throw last;
}

/** Docker 20.10 to 29 say "address already in use" or "port is already allocated". */
async function explainPort(error: unknown, machine: Machine, port: number, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof EngineError) || !/already in use|already allocated/.test(error.message)) return error;
  const ended = await machine
    .run(["sh", "-c", `ss -Hltnp sport = :${port} 2>/dev/null || true`], { signal })
    .catch(() => undefined);
  const program = /\(\("([^"]+)",pid=(\d+)/.exec(ended?.stdout ?? "");
  const holder = program === null ? "another program" : `${program[1]} (pid ${program[2]})`;
  return new Failure("machine.port-taken", `port ${port} of ${machine.name} is taken by ${holder}`, {
    hint: `see it: ssh ${machine.name} sudo ss -ltnp sport = :${port}; stop it, or give the edge another port: edge: {port: 8080}`,
    cause: error,
  });
}
