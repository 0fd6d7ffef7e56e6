import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import type { Duplex } from "node:stream";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { type Ended, pipe, quote, run } from "../base/process.ts";
import { explainDocker } from "./docker-words.ts";
import { Engine } from "./engine.ts";
import { dialSocket } from "./local.ts";
import type { EngineVersion, Machine, Tunnel, Where } from "./machine.ts";
import { explainSsh } from "./ssh-words.ts";

export interface SshOptions {
  /** Take an unknown host key on trust (`accept-new`); a changed one is still refused. */
  acceptNewHostKey?: boolean;
  /** Share one connection between commands (default). Win32-OpenSSH cannot. */
  multiplex?: boolean;
  /** Longest wait for a connection, in seconds (10). */
  connectTimeoutS?: number;
  /** A connection of its own, not one that is left from an earlier command: that one may hang, or outlive what was changed. */
  apart?: boolean;
}

/** How long the shared connection outlives a command, so that the next one (a rollback, say) starts at once. */
const LINGER = "120s";
const CONNECT_TIMEOUT_S = 10;

/** One machine's shared ssh connection: the operator's own ssh, its config, agent and known hosts. */
class Link {
  readonly host: string;
  readonly #common: string[];
  readonly #control: string | undefined;

  constructor(where: Where, options: SshOptions) {
    this.host = where.ssh;
    const multiplex = options.multiplex ?? (process.platform !== "win32" && process.env["DRAY_SSH_MULTIPLEX"] !== "no");
    const config = process.env["DRAY_SSH_CONFIG"];
    this.#common = [
      ...(config === undefined ? [] : ["-F", config]),
      "-o",
      `ConnectTimeout=${options.connectTimeoutS ?? CONNECT_TIMEOUT_S}`,
      "-o",
      "ServerAliveInterval=15",
      "-o",
      "ServerAliveCountMax=4",
      ...(process.stdin.isTTY ? [] : ["-o", "BatchMode=yes"]),
      ...(options.acceptNewHostKey === true ? ["-o", "StrictHostKeyChecking=accept-new"] : []),
    ];
    const salt = options.apart === true ? randomUUID() : "";
    this.#control = multiplex ? controlPath(this.host, `${config}${salt}`) : undefined;
  }

  /** Where the machine's docker socket appears on this computer. */
  get socket(): string | undefined {
    return this.#control === undefined ? undefined : `${this.#control}.d`;
  }

  /** `ssh` with everything before the remote command. */
  argv(extra: readonly string[] = []): string[] {
    const share = this.#control === undefined ? [] : ["-o", `ControlPath=${this.#control}`, "-o", "ControlMaster=no"];
    return ["ssh", ...this.#common, ...share, ...extra, this.host];
  }

  /** Opens the shared connection, with the docker socket forwarded. @throws Failure ssh.* */
  async open(signal: AbortSignal): Promise<void> {
    if (this.#control === undefined || this.socket === undefined) return;
    await mkdir(path.dirname(this.#control), { recursive: true, mode: 0o700 });
    const share = ["-o", "ControlMaster=auto", "-o", `ControlPath=${this.#control}`, "-o", `ControlPersist=${LINGER}`];
    const forward = [
      "-o",
      "StreamLocalBindUnlink=yes",
      "-o",
      "ExitOnForwardFailure=yes",
      "-L",
      `${this.socket}:/var/run/docker.sock`,
    ];
    const ended = await ssh(["ssh", ...this.#common, ...share, ...forward, "-fN", this.host], signal);
    if (ended.code !== 0) throw explainSsh(this.host, ended.stderr);
    // sshd sets TCP_NODELAY when a session begins, and forwardings alone are none (OpenSSH, session.c): without this
    // one, answers in small pieces wait 40 ms each. Nobody waits for it, and its failure changes nothing.
    ssh(this.argv(["-n"]).concat("true"), signal).catch(() => undefined);
  }

  /** Talks to the shared connection's master: forward, cancel, exit. */
  async control(command: string, extra: readonly string[], signal: AbortSignal): Promise<Ended> {
    return await ssh(
      ["ssh", ...this.#common, "-o", `ControlPath=${this.#control}`, "-O", command, ...extra, this.host],
      signal,
    );
  }

  get shared(): boolean {
    return this.#control !== undefined;
  }
}

/** A short path: unix sockets allow about 100 characters, and ssh adds 17 of its own. */
function controlPath(host: string, key: string): string {
  const name = createHash("sha256").update(`${host}\n${key}`).digest("hex").slice(0, 12);
  return path.join(tmpdir(), `dray-${userInfo().username}`, name);
}

async function ssh(argv: readonly string[], signal: AbortSignal, stdin?: string): Promise<Ended> {
  try {
    return await run(argv, { signal, ...(stdin === undefined ? {} : { stdin }) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new Failure("ssh.missing", "there is no ssh program on this computer", {
        hint: "install OpenSSH's client (Debian: apt-get install openssh-client; Windows: Settings > Optional features)",
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * A machine over the operator's own ssh program.
 * The engine is reached through the forwarded socket, or, where only sudo may open it, through
 * `sudo -n docker system dial-stdio`; the same way serves an ssh without multiplexing.
 * @throws Failure ssh.* and docker.*
 */
export async function overSsh(where: Where, options: SshOptions, signal: AbortSignal): Promise<Machine> {
  return await machineOver(new Link(where, options), where, signal);
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
  const link = new Link(where, options);
  const machine = machineOver(link, where, signal);
  machine.catch(() => undefined);
  return {
    address: await addressOf(where.ssh, link, signal),
    machine,
    shell: (script, at) => run([...link.argv(), script], { signal: at }),
    dial: (host, port) => Promise.resolve(pipe(link.argv(["-W", `${host}:${port}`])).stream),
    [Symbol.asyncDispose]: async () => {
      if (options.apart === true && link.shared)
        await within(2000, undefined, (at) => link.control("exit", [], at)).catch(() => undefined);
    },
  };
}

async function machineOver(link: Link, where: Where, signal: AbortSignal): Promise<Machine> {
  const [{ engine, version }, address] = await Promise.all([connect(link, signal), addressOf(where.ssh, link, signal)]);
  engine.agree(version);
  return {
    name: where.name,
    address,
    engine,
    version,
    run: (argv, at) => run([...link.argv(), argv.map(quote).join(" ")], at),
    lend: (port, at) => (link.shared ? lendShared(link, port, at) : lendAlone(link, port, at)),
    interactive: (argv, terminal) => [...link.argv(terminal ? ["-t"] : []), argv.map(quote).join(" ")],
    [Symbol.asyncDispose]: () => {
      engine.close();
      return Promise.resolve();
    },
  };
}

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
      const { stream, said: stderr } = pipe([...link.argv(), program]);
      stream.once("close", () => said.push(stderr()));
      return Promise.resolve(stream);
    };
    const ready = await greet(dial, signal);
    if (ready !== undefined) return ready;
  }
  const look = await ssh([...link.argv(), LOOK], signal);
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
  const ended = await ssh(link.argv(["-G"]), signal);
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
  // The remote `cat` ends with our stdin: the tunnel cannot outlive this process.
  const { stream, child, said } = pipe([
    ...link.argv(["-o", "ExitOnForwardFailure=yes", "-R", `127.0.0.1:0:127.0.0.1:${port}`]),
    "cat",
  ]);
  const remote = await new Promise<number>((resolve, reject) => {
    const look = (): void => {
      const found = /Allocated port (\d+)/.exec(said())?.[1];
      if (found !== undefined) resolve(Number(found));
    };
    child.stderr?.on("data", look);
    child.once("exit", () => reject(explainSsh(link.host, said())));
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  return {
    port: remote,
    [Symbol.asyncDispose]: () => {
      stream.destroy();
      return Promise.resolve();
    },
  };
}

/** A shell on a machine that may have no Docker yet. @throws Failure ssh.* */
export async function shellOf(
  where: Where,
  options: SshOptions,
  signal: AbortSignal,
): Promise<(script: string, onLine?: (line: string) => void) => Promise<Ended>> {
  const link = new Link(where, { ...options, multiplex: false });
  return async (script, onLine) => {
    const ended = await run([...link.argv(), script], { signal, ...(onLine === undefined ? {} : { onLine }) });
    if (ended.code === 255) throw explainSsh(where.ssh, ended.stderr);
    return ended;
  };
}
