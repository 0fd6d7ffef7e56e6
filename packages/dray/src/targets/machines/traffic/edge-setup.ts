import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { EDGE, EDGE_COMMAND, EDGE_PORT_LABEL, EDGE_TLS_LABEL, EDGE_VOLUME } from "../../../edge/edge.ts";
import { edgeConfig, EDGE_USER } from "../../../edge/config.ts";
import { EMPTY_STATE } from "../../../edge/state.ts";
import { EngineError, isMissing, isTaken } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { CAGE } from "../container/container.ts";
import { oneSetupAtATime } from "../container/one-setup.ts";
import { joinServices, KEEPER_NETWORK, join, listNetworks, makeNetwork, NETWORK } from "../container/network.ts";

/** The ports that an edge is reached at; `tls` only where HTTPS is wanted. */
export interface EdgePorts {
  port: number;
  tls?: number;
}

/** Makes the edge's network and container, or starts what is there. Safe to do twice, also at once. @throws Failure machine.port-taken */
export async function setUpEdge(machine: Machine, image: string, ports: EdgePorts, context: Context): Promise<void> {
  await oneSetupAtATime(machine, image, context, () => makeEdge(machine, image, ports, context));
}

/** More than a flood of connections may cost the machine; a worker that needs more is ended, and is back in a second. */
const MEMORY_BYTES = 1024 ** 3;

async function makeEdge(machine: Machine, image: string, ports: EdgePorts, context: Context): Promise<void> {
  const { port, tls } = ports;
  const published = [port, ...(tls === undefined ? [] : [tls])];
  const { signal } = context;
  const { engine } = machine;
  await makeNetwork(engine, NETWORK, signal);
  const state = { ...EMPTY_STATE, port };
  await removeNarrower(machine, tls, signal);
  try {
    await engine.post(`/containers/create`, {
      query: { name: EDGE },
      signal,
      body: {
        Image: image,
        Entrypoint: [],
        Cmd: EDGE_COMMAND,
        User: "0:0",
        Env: [
          `${EDGE_USER.variable}=${EDGE_USER.uid}`,
          `DRAY_FIRST_CONFIG=${edgeConfig(state)}`,
          `DRAY_FIRST_STATE=${JSON.stringify(state)}`,
        ],
        Labels: { "dray.role": "edge", [EDGE_PORT_LABEL]: String(port), "dray.image": image, ...tlsLabel(tls) },
        ExposedPorts: Object.fromEntries(published.map((each) => [`${each}/tcp`, {}])),
        HostConfig: {
          ...CAGE,
          // The master begins as root, makes its workers nobody, and tells them when to go.
          CapAdd: ["NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"],
          ReadonlyRootfs: true,
          Tmpfs: { "/tmp": "size=64m" },
          Memory: MEMORY_BYTES,
          MemorySwap: MEMORY_BYTES,
          NetworkMode: NETWORK,
          RestartPolicy: { Name: "always" },
          PortBindings: Object.fromEntries(published.map((each) => [`${each}/tcp`, [{ HostPort: String(each) }]])),
          Mounts: [{ Type: "volume", Source: EDGE_VOLUME.name, Target: EDGE_VOLUME.path }],
        },
      },
    });
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  await joinOthers(machine, signal);
  await engine.post(`/containers/${EDGE}/start`, { signal }).catch(async (error: unknown) => {
    // The engine keeps a container that could not bind its port; leaving it would spoil the next try.
    await engine.call("DELETE", `/containers/${EDGE}`, { query: { force: true }, signal });
    throw await explainPort(error, machine, published, signal);
  });
}

/** An edge that is made anew finds the networks of its services, and the keeper's. */
async function joinOthers({ engine }: Machine, signal: AbortSignal): Promise<void> {
  if ((await listNetworks(engine, signal))[KEEPER_NETWORK] !== undefined)
    await join(engine, KEEPER_NETWORK, { container: EDGE }, signal);
  await joinServices(engine, EDGE, signal);
}

const tlsLabel = (tls: number | undefined): Record<string, string> =>
  tls === undefined ? {} : { [EDGE_TLS_LABEL]: String(tls) };

/** An edge that lacks the port of HTTPS makes room: an engine cannot publish one more. What it knows is in its volume. */
async function removeNarrower(machine: Machine, tls: number | undefined, signal: AbortSignal): Promise<void> {
  if (tls === undefined) return;
  const { engine } = machine;
  try {
    const found = await engine.get<{ Config: { Labels: Record<string, string> } }>(`/containers/${EDGE}/json`, {
      signal,
    });
    if (found.Config.Labels[EDGE_TLS_LABEL] === String(tls)) return;
    await engine.call("DELETE", `/containers/${EDGE}`, { query: { force: true }, signal });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Docker 20.10 to 29 say "address already in use" or "port is already allocated". */
async function explainPort(
  error: unknown,
  machine: Machine,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<unknown> {
  if (!(error instanceof EngineError) || !/already in use|already allocated/.test(error.message)) return error;
  const port = ports.find((each) => new RegExp(`:${each}\\b`).test(error.message)) ?? ports[0] ?? 80;
  const ended = await machine
    .run(["sh", "-c", `ss -Hltnp sport = :${port} 2>/dev/null || true`], { signal })
    .catch(() => undefined);
  const program = /\(\("([^"]+)",pid=(\d+)/.exec(ended?.stdout ?? "");
  const holder = program === null ? "another program" : `${program[1]} (pid ${program[2]})`;
  return new Failure("machine.port-taken", `port ${port} of ${machine.name} is taken by ${holder}`, {
    hint: `see it: ssh ${machine.name} sudo ss -ltnp sport = :${port}; stop it, or give the edge another port: edge: ${port === ports[0] ? "{port: 8080}" : "{https: 8443}"}`,
    cause: error,
  });
}
