import { deadline, within } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Listener } from "../../../core/evidence.ts";
import type { Engine } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { listenersScript, parseListeners, readListeners } from "../../../probes/bind.ts";
import { containerLogs } from "../../../probes/logs.ts";

interface ContainerState {
  Running: boolean;
  Pid: number;
  ExitCode: number;
  OOMKilled: boolean;
  Error: string;
  StartedAt: string;
}

export async function inspectState(engine: Engine, container: string, signal: AbortSignal): Promise<ContainerState> {
  const found = await engine.get<{ State: ContainerState }>(`/containers/${container}/json`, { signal });
  return found.State;
}

/**
 * What listens in a container: no right and no tool is needed inside the image. The machine's shell reads it from the
 * container's process, which takes a tenth of a second; where it cannot (Docker Desktop's processes are not this computer's),
 * a helper does, which takes some.
 */
export async function listeners(
  machine: Pick<Machine, "engine" | "run">,
  container: string,
  image: string,
  signal: AbortSignal,
): Promise<Listener[]> {
  const found = await machine.engine.get<{ Id: string; State: ContainerState }>(`/containers/${container}/json`, {
    signal,
  });
  if (!found.State.Running) throw new Error(`${container} does not run`);
  const own = `grep -q ${found.Id} /proc/${found.State.Pid}/cgroup && ${listenersScript(found.State.Pid)}`;
  const ended = await machine.run(["sh", "-c", own], { signal }).catch(() => undefined);
  signal.throwIfAborted();
  return readListeners(ended?.stdout ?? "") ?? (await helped(machine.engine, container, image, signal));
}

/** The same, read by a helper in the container's network. */
async function helped(engine: Engine, container: string, image: string, signal: AbortSignal): Promise<Listener[]> {
  const { Id } = await engine.post<{ Id: string }>("/containers/create", {
    signal,
    body: {
      Image: image,
      Entrypoint: [],
      Cmd: ["cat", "/proc/net/tcp", "/proc/net/tcp6"],
      Labels: { "dray.role": "helper" },
      HostConfig: { NetworkMode: `container:${container}`, CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"] },
    },
  });
  try {
    await engine.post(`/containers/${Id}/start`, { signal });
    await engine.post(`/containers/${Id}/wait`, { signal });
    return parseListeners((await containerLogs(engine, Id, 1000)).join("\n"));
  } finally {
    await within(10_000, undefined, (fresh) =>
      engine.call("DELETE", `/containers/${Id}`, { query: { force: true }, signal: fresh }),
    );
  }
}

interface Expected {
  readyMs: number;
  port?: number;
  ready?: string | undefined;
}

/** The time to become ready is over: nobody waits much longer to hear why. A machine that does not tell in this time has no part in the answer. */
const LOOK_MS = 4000;

/** Why a replica never became ready, from what its container, its sockets and its logs say. */
export async function explainNotReady(
  machine: Pick<Machine, "engine" | "run">,
  { container, image }: { container: string; image: string },
  expected: Expected,
  cause: unknown,
): Promise<Failure> {
  using limit = deadline(LOOK_MS);
  const { signal } = limit;
  const { engine } = machine;
  const [state, logs, open] = await Promise.all([
    inspectState(engine, container, signal).catch(() => undefined),
    containerLogs(engine, container, 10, signal).catch(() => []),
    listeners(machine, container, image, signal).catch(() => undefined),
  ]);
  const details = logs.map((line) => `  ${line}`);
  if (state?.Running === false) return explainEnd(state, details, cause);
  return open === undefined ? notReady(expected, details, cause) : explainListeners(open, expected, details, cause);
}

/** How programs begin to say which arguments they want (argparse, click, getopt, Go's flag package). */
const USAGE = /^\s*usage( of \S+)?:/i;

/** What programs say when the container is not made as they need it, and what the manifest has for that. */
const NEEDS: readonly [said: RegExp, hint: string][] = [
  [
    /can only run as pid 1|must (be run|run) as pid 1|not running as pid 1/i,
    "the image's own init must be process 1: init: false in the manifest",
  ],
  [
    /No space left on device.*shm|\/dev\/shm.*No space|shared memory|bus error|insufficient shm/i,
    "it needs more shared memory: limits: {shm: 4GiB} in the manifest",
  ],
  // A program that writes to /dev/shm rarely says so.
  [
    /No space left on device/i,
    "what it writes to is full: /dev/shm (more of it: limits: {shm: 4GiB}), or the machine's disk (dray check)",
  ],
  [/Read-only file system/i, "it writes to its own root: readOnly: false in the manifest"],
  [/Too many open files/i, "it needs more open files: limits: {nofile: 65536} in the manifest"],
  [
    /can't start new thread|Resource temporarily unavailable/i,
    "it needs more threads: limits: {pids: 16384} in the manifest",
  ],
];
const hintOf = (line: string): string | undefined => NEEDS.find(([said]) => said.test(line))?.[1];

/** The verdict on a container that has ended, from its state and its last lines. */
export function explainEnd(
  state: Pick<ContainerState, "ExitCode" | "OOMKilled" | "Error">,
  details: string[],
  cause: unknown,
): Failure {
  if (state.OOMKilled) {
    return new Failure("release.out-of-memory", "the container was killed: it needs more memory than its limit", {
      hint: "raise limits.memory in the manifest, or load less",
      details,
      cause,
    });
  }
  const arch = details.some((line) => /exec format error/.test(line)) || /exec format error/.test(state.Error);
  if (arch)
    return new Failure("image.wrong-arch", "the program in the image is for another processor", {
      hint: "rebuild it for the machine: build: . in the manifest does",
      details,
      cause,
    });
  return new Failure("release.crashed", `the container ended with exit code ${state.ExitCode} before it was ready`, {
    hint: details.some((line) => USAGE.test(line))
      ? 'its last lines say how it is used: the program wants arguments; give them in the manifest: args: ["--option", "value"]'
      : (details.map(hintOf).find((hint) => hint !== undefined) ??
        "its last lines are below; try it here: docker run --rm IMAGE"),
    details: state.Error === "" ? details : [state.Error, ...details],
    cause,
  });
}

/** The verdict on a running container, from what listens in it. */
export function explainListeners(
  open: readonly Listener[],
  expected: Expected,
  details: string[],
  cause: unknown,
): Failure {
  const { port, readyMs } = expected;
  const others = open.filter((each) => !each.loopback).map((each) => each.port);
  const seconds = `${Math.round(readyMs / 1000)} s`;
  if (
    open.some((each) => each.loopback && (port === undefined || each.port === port)) &&
    !others.includes(port ?? -1)
  ) {
    return new Failure(
      "release.localhost-only",
      `the API listens on 127.0.0.1 inside its container, so nobody outside it can reach it`,
      {
        hint: "make it listen on 0.0.0.0 (uvicorn: --host 0.0.0.0; flask: --host=0.0.0.0; node: listen(port))",
        details,
        cause,
      },
    );
  }
  if (port !== undefined && others.length > 0 && !others.includes(port)) {
    return new Failure(
      "release.wrong-port",
      `nothing listens on port ${port} in the container, but something does on ${others.join(", ")}`,
      {
        hint: `write it down: port: ${others[0]}`,
        details,
        cause,
      },
    );
  }
  if (open.length === 0 && port === undefined) {
    return new Failure(
      "image.no-port",
      `the image names no port (EXPOSE), and nothing listened on any within ${seconds}`,
      {
        hint: "write it down: port: 8080; if it is still loading, raise limits.ready",
        details,
        cause,
      },
    );
  }
  if (open.length === 0) {
    return new Failure("release.not-ready", `nothing listened on any port within ${seconds}`, {
      hint: "still loading? raise limits.ready; its last lines are below",
      details,
      cause,
    });
  }
  return notReady(expected, details, cause, "it listens, but");
}

/** How Node's parser begins to say that an answer is no HTTP/1.1; an HTTP/2 server greets with a frame. */
const OTHER_PROTOCOL = /Parse Error: Expected HTTP/;

/** The verdict where nothing more is known than what it answered. */
function notReady({ ready, readyMs }: Expected, details: string[], cause: unknown, what: string = "it"): Failure {
  const said = cause instanceof Error ? cause.message : "no answer";
  if (OTHER_PROTOCOL.test(said))
    return new Failure("release.not-ready", "it listens, but does not answer in HTTP/1.1", {
      hint: "gRPC or HTTP/2 alone is not served, nor TLS inside the container: give it a port that speaks HTTP/1.1, and name it: port:",
      details,
      cause,
    });
  return new Failure("release.not-ready", `${what} was not ready within ${Math.round(readyMs / 1000)} s: ${said}`, {
    hint:
      ready === undefined
        ? "set ready: to a path that answers 200 when the API is ready"
        : `is ready: ${ready} the right path? try it here with docker run`,
    details,
    cause,
  });
}
