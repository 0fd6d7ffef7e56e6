import { existsSync } from "node:fs";
import type { Duplex } from "node:stream";
import { orAborted, within } from "drayage-clock";
import { type Ended, forAnyShell, pipe, quote, run } from "../base/process.ts";
import { explainDocker } from "./docker-words.ts";
import { Engine } from "./engine.ts";
import { dialSocket } from "./local.ts";
import { ASK_LOGIN, type MachineLogin, parseLogin } from "./login.ts";
import type { EngineVersion, Machine, Tunnel, Where } from "./machine.ts";
import { Link, ssh, type SshOptions } from "./ssh-link.ts";
import { explainSsh } from "./ssh-words.ts";

export type { SshOptions } from "./ssh-link.ts";

/**
 * A machine over the operator's own ssh program.
 * The engine is reached through the forwarded socket, or, where only sudo may open it, through
 * `sudo -n docker system dial-stdio`; the same way serves an ssh without multiplexing.
 * @throws Failure ssh.* and docker.*
 */
export async function overSsh(where: Where, options: SshOptions, signal: AbortSignal): Promise<Machine> {
  return await machineOver(await Link.to(where, options), where, signal);
}

/** A machine that is to be looked at, whatever is wrong with it: each part is there, or says why not. */
export interface Reach extends AsyncDisposable {
  /** Where ssh connects to. */
  address: string;
  /** The machine with its engine, or what stands in the way. @throws Failure ssh.*, docker.* */
  machine: Promise<Machine>;
  /** Runs lines of a POSIX shell there; needs no Docker. */
  shell(script: string, signal: AbortSignal): Promise<Ended>;
  /** A connection from the machine to an address that it reaches. */
  dial(host: string, port: number): Promise<Duplex>;
}

/** The parts of a machine, for looking at it when not all of them work. @throws nothing by itself */
export async function reachSsh(where: Where, options: SshOptions, signal: AbortSignal): Promise<Reach> {
  const link = await Link.to(where, options);
  const machine = machineOver(link, where, signal);
  machine.catch(() => undefined);
  return {
    address: await addressOf(where.ssh, link, signal),
    machine,
    shell: (script, at) => run([...link.argv(), forAnyShell(script)], { signal: at }),
    dial: (host, port) => Promise.resolve(pipe(link.argv({ extra: ["-W", `${host}:${port}`] })).stream),
    [Symbol.asyncDispose]: async () => {
      if (options.apart === true && link.shared)
        await within(EXIT_MS, undefined, (at) => link.control("exit", [], at)).catch(() => undefined);
    },
  };
}

/** A program's words as the one that ssh hands to the login shell. */
const remotely = (argv: readonly string[]): string => forAnyShell(`exec ${argv.map(quote).join(" ")}`);

async function machineOver(link: Link, where: Where, signal: AbortSignal): Promise<Machine> {
  const [{ engine, version }, address] = await Promise.all([connect(link, signal), addressOf(where.ssh, link, signal)]);
  engine.agree(version);
  const there: Machine["run"] = (argv, at) =>
    within(LOOK_MS, at.signal, (limit) => run([...link.argv(), remotely(argv)], { ...at, signal: limit }));
  let login: Promise<MachineLogin | undefined> | undefined;
  return {
    name: where.name,
    address,
    engine,
    version,
    run: there,
    login: () => (login ??= askLogin(there, signal)),
    lend: (port, at) => (link.shared ? lendShared(link, port, at) : lendAlone(link, port, at)),
    interactive: (argv, terminal) => [...link.argv({ terminal }), remotely(argv)],
    [Symbol.asyncDispose]: () => {
      engine.close();
      return Promise.resolve();
    },
  };
}

/** Nobody waits long for a name in a record; without one it says what the caller says. */
const LOGIN_LOOK_MS = 5000;

async function askLogin(there: Machine["run"], signal: AbortSignal): Promise<MachineLogin | undefined> {
  return await within(LOGIN_LOOK_MS, signal, async (limit) => {
    const { stdout } = await there(["sh", "-c", ASK_LOGIN], { signal: limit });
    return parseLogin(stdout);
  }).catch(() => undefined);
}

/** What a machine is asked by its shell are small things; a disk or a driver that hangs must not hang us. */
const LOOK_MS = 60_000;
/** To tell a master to end; nobody waits longer for that. */
const EXIT_MS = 2000;

async function connect(link: Link, signal: AbortSignal): Promise<{ engine: Engine; version: EngineVersion }> {
  const socket = link.socket;
  if (socket === undefined) return await connectByPipes(link, signal);
  // A command that ran a moment ago has left the connection open: then no ssh is started at all.
  const ready = existsSync(socket) ? await greet(() => dialSocket(socket), signal) : undefined;
  if (ready !== undefined) return ready;
  await link.open(signal);
  return (await greet(() => dialSocket(socket), signal)) ?? (await connectByPipes(link, signal));
}

/** The engine behind `dial`, when it answers. */
async function greet(
  dial: () => Promise<Duplex>,
  signal: AbortSignal,
): Promise<{ engine: Engine; version: EngineVersion } | undefined> {
  const engine = new Engine(dial);
  try {
    const version = await within(30_000, signal, (limit) => engine.get<EngineVersion>("/version", { signal: limit }));
    return { engine, version };
  } catch {
    engine.close();
    signal.throwIfAborted();
    return undefined;
  }
}

/** Through `docker system dial-stdio`, as oneself and then with sudo. @throws Failure that says what is wrong with Docker there */
async function connectByPipes(link: Link, signal: AbortSignal): Promise<{ engine: Engine; version: EngineVersion }> {
  const said: string[] = [];
  for (const program of ["docker system dial-stdio", "sudo -n docker system dial-stdio"]) {
    const dial = (): Promise<Duplex> => {
      const { stream, said: stderr } = pipe([...link.argv(), forAnyShell(`exec ${program}`)]);
      stream.once("close", () => said.push(stderr()));
      return Promise.resolve(stream);
    };
    const ready = await greet(dial, signal);
    if (ready !== undefined) return ready;
  }
  const look = await ssh([...link.argv(), forAnyShell(LOOK)], signal);
  if (look.code === 255) throw explainSsh(link.host, look.stderr);
  throw explainDocker(link.host, look.stdout);
}

/** What a machine's shell can say about its Docker without any right: one line, `key=value` pairs. */
const LOOK =
  'echo "docker=$(command -v docker dockerd | head -n 1) socket=$(test -S /var/run/docker.sock && echo yes) ' +
  "mine=$(test -w /var/run/docker.sock && echo yes) daemon=$(pgrep -x dockerd | head -n 1) " +
  'sudo=$(sudo -n true 2>/dev/null && echo yes) user=$(id -un)"';

/** The address clients would use: the HostName that ssh itself would connect to. */
async function addressOf(host: string, link: Link, signal: AbortSignal): Promise<string> {
  const plain = host
    .replace(/^ssh:\/\//, "")
    .replace(/^[^@]*@/, "")
    .replace(/:\d+$/, "");
  if (/^[\d.]+$/.test(plain)) return plain;
  const ended = await ssh(link.argv({ extra: ["-G"] }), signal);
  return /^hostname (.+)$/m.exec(ended.stdout)?.[1] ?? plain;
}

/** A reverse forwarding in the shared connection; sshd chooses the port and ssh prints it. */
async function lendShared(link: Link, port: number, signal: AbortSignal): Promise<Tunnel> {
  const spec = (remote: number): string[] => ["-R", `127.0.0.1:${remote}:127.0.0.1:${port}`];
  const ended = await link.control("forward", spec(0), signal);
  const remote = Number(/\d+/.exec(ended.stdout)?.[0] ?? 0);
  if (ended.code !== 0 || remote === 0) throw explainSsh(link.host, `remote port forwarding failed\n${ended.stderr}`);
  return {
    port: remote,
    [Symbol.asyncDispose]: async () => {
      await within(5000, undefined, (at) => link.control("cancel", [`-R`, `127.0.0.1:0:127.0.0.1:${port}`], at));
    },
  };
}

/** A reverse forwarding in an ssh of its own, for an ssh without multiplexing. */
async function lendAlone(link: Link, port: number, signal: AbortSignal): Promise<Tunnel> {
  // The remote `cat` ends with our stdin: the tunnel cannot outlive this process. Forwardings of the user's configuration
  // come with ours, and may fail (their ports are in use): only ours counts.
  const start = {
    extra: ["-o", "ExitOnForwardFailure=no", "-R", `127.0.0.1:0:127.0.0.1:${port}`],
    forwards: true,
  };
  const { stream, child, said } = pipe([...link.argv(start), "cat"]);
  const refused = (): Error => explainSsh(link.host, `remote port forwarding failed\n${said()}`);
  const allocated = new RegExp(`Allocated port (\\d+) for remote forward to 127\\.0\\.0\\.1:${port}\\b`);
  const waiting = new Promise<number>((resolve, reject) => {
    child.stderr?.on("data", () => {
      const found = allocated.exec(said())?.[1];
      if (found !== undefined) resolve(Number(found));
      else if (/remote port forwarding failed for listen port 0/.test(said())) reject(refused());
    });
    child.once("exit", () => reject(explainSsh(link.host, said())));
  });
  try {
    return {
      port: await orAborted(waiting, signal),
      [Symbol.asyncDispose]: () => Promise.resolve(void stream.destroy()),
    };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** A shell on a machine that may have no Docker yet. @throws Failure ssh.* */
export async function shellOf(
  where: Where,
  options: SshOptions,
  signal: AbortSignal,
): Promise<(script: string, onLine?: (line: string) => void) => Promise<Ended>> {
  const link = await Link.to(where, { ...options, multiplex: false });
  return async (script, onLine) => {
    const ended = await run([...link.argv(), forAnyShell(script)], {
      signal,
      ...(onLine === undefined ? {} : { onLine }),
    });
    if (ended.code === 255) throw explainSsh(where.ssh, ended.stderr);
    return ended;
  };
}
