import { text } from "node:stream/consumers";
import { Failure } from "../../../base/failure.ts";
import { sleep, within } from "drayage-clock";
import { type Engine, isMissing, isTaken } from "../../../machine/engine.ts";
import { execStream } from "../../../machine/exec.ts";
import { CAGE } from "./container.ts";
import { CLOSED_BRIDGE } from "./network.ts";

export const WALL = "dray-wall";
export const WALL_LABEL = "dray.wall";
/** Changes with the rules: an older wall makes room. */
export const WALL_VERSION = "1";

/** Where clouds answer anybody on the machine: Amazon, Google and most others; Azure's wire server; Alibaba. */
const METADATA = ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32"];
/** Amazon's and Google's, over IPv6. */
const METADATA_6 = ["fd00:ec2::254/128", "fd20:ce::254/128"];
/** Google's and Azure's metadata servers are the machine's name servers, too: DNS passes. */
const DNS = 53;
const EVERY_S = 10;

/**
 * Rules are the machine's own, so it is the machine's own iptables that makes them: its root is mounted at /host. The table
 * `raw` comes before all that Docker does, and an engine that is started again leaves it alone.
 */
const FUNCTIONS = `
tables() { local program=$1; shift; chroot /host /usr/bin/env PATH=/usr/sbin:/sbin:/usr/bin:/bin "$program" -w 5 -t raw "$@"; }
each() { local act=$1 program=$2; shift 2; for to in "$@"; do for protocol in tcp udp; do
  "$act" "$program" PREROUTING -i ${CLOSED_BRIDGE}+ -d "$to" -p "$protocol" ! --dport ${DNS} -j DROP || return; done; done; }
is_there() { local program=$1; shift; tables "$program" -C "$@" 2>/dev/null; }
add() { is_there "$@" || { local program=$1; shift; tables "$program" -I "$@"; }; }
drop() { local program=$1; shift; while tables "$program" -D "$@" 2>/dev/null; do :; done; }
four() { each "$1" iptables ${METADATA.join(" ")}; }
six() { each "$1" ip6tables ${METADATA_6.join(" ")}; }`;

/** Networks of ours have no IPv6 by default, and not every machine has tables for it. */
const BUILD = `${FUNCTIONS}
four add && echo closed; six add >/dev/null 2>&1`;
const ASK = `${FUNCTIONS}
four is_there && echo closed`;
const TEAR_DOWN = `${FUNCTIONS}
four drop; six drop; true`;
/** Where its rules cannot be taken away within this time, the machine is not clean: whoever cleans it looks. */
const TEAR_DOWN_MS = 30_000;
/** Somebody may load other rules, or boot the machine. */
const KEEP = `${FUNCTIONS}
while :; do four add >/dev/null 2>&1; six add >/dev/null 2>&1; sleep ${EVERY_S}; done`;

/**
 * Makes the container that keeps replicas from the cloud's metadata; it runs for ever, so that a machine that boots is
 * closed again. @throws Failure machine.metadata-open, where the engine or the machine does not let it
 */
export async function setUpWall(engine: Engine, image: string, signal: AbortSignal): Promise<void> {
  try {
    await removeContainer(engine, signal);
    await start(engine, body(image, KEEP, "always"), signal);
  } catch (error) {
    // Somebody else's deploy is making the same at this moment.
    if (!isTaken(error)) throw open(error instanceof Error ? error.message : String(error), error);
    await sleep(500, signal);
  }
  const said = await exec(engine, BUILD, signal);
  if (said.closed) return;
  await removeContainer(engine, signal);
  throw open(said.problem);
}

function open(why: string, cause?: unknown): Failure {
  return new Failure("machine.metadata-open", `replicas may ask the cloud's metadata: ${why}`, {
    hint: "it is blocked by the machine's iptables, through a container with NET_ADMIN; where that cannot be, give the machine an account without rights, or say metadata: true",
    cause,
  });
}

async function start(engine: Engine, container: object, signal: AbortSignal): Promise<void> {
  await engine.post("/containers/create", { query: { name: WALL }, body: container, signal });
  await engine.post(`/containers/${WALL}/start`, { signal });
}

function body(image: string, script: string, restart: "always" | "no"): object {
  return {
    Image: image,
    Entrypoint: [],
    Cmd: ["bash", "-c", script],
    User: "0:0",
    Labels: { "dray.role": "wall", [WALL_LABEL]: WALL_VERSION },
    StopSignal: "SIGKILL",
    HostConfig: {
      ...CAGE,
      CapAdd: ["NET_ADMIN", "NET_RAW", "SYS_CHROOT"],
      // Where SELinux is in force, a container has no use of the machine's programs otherwise.
      SecurityOpt: [...CAGE.SecurityOpt, "label=disable"],
      NetworkMode: "host",
      ReadonlyRootfs: true,
      RestartPolicy: { Name: restart },
      Mounts: [{ Type: "bind", Source: "/", Target: "/host", ReadOnly: true }],
    },
  };
}

/** Are the rules in force now? Undefined: there is nobody to ask. */
export async function wallStands(engine: Engine, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    return (await exec(engine, ASK, signal)).closed;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

async function exec(
  engine: Engine,
  script: string,
  signal: AbortSignal,
): Promise<{ closed: boolean; problem: string }> {
  const { stream, said } = await execStream(engine, WALL, ["bash", "-c", script], signal);
  const closed = (await text(stream)).includes("closed");
  return { closed, problem: said().trim().split("\n").at(-1) ?? "" };
}

/**
 * Removes the wall and its rules. The container that keeps the rules up ends before another one takes them away: side by
 * side, the first could put them back after the second.
 */
export async function removeWall(engine: Engine, signal: AbortSignal): Promise<void> {
  const image = await imageOfWall(engine, signal);
  await removeContainer(engine, signal);
  if (image === undefined) return;
  try {
    await start(engine, body(image, TEAR_DOWN, "no"), signal);
    await within(TEAR_DOWN_MS, signal, (limit) => engine.post(`/containers/${WALL}/wait`, { signal: limit }));
  } catch {
    signal.throwIfAborted();
  }
  await removeContainer(engine, signal);
}

/** Undefined: there is no wall. */
async function imageOfWall(engine: Engine, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await engine.get<{ Image: string }>(`/containers/${WALL}/json`, { signal })).Image;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function removeContainer(engine: Engine, signal: AbortSignal): Promise<void> {
  await engine.call("DELETE", `/containers/${WALL}`, { query: { force: true }, signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}
