import { createHash, randomUUID } from "node:crypto";
import path from "node:path";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { type Ended, run } from "../base/process.ts";
import { controlFolder } from "./control-folder.ts";
import type { Where } from "./machine.ts";
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
/** Longer than a server waits for a login (its LoginGraceTime is two minutes): somebody may have to type a password. */
const LOGIN_MS = 180_000;
/** The master is a process on this computer: it answers at once or not at all. */
const CONTROL_MS = 15_000;

/**
 * The user's configuration also says what is meant for people at a terminal. A program's own ssh runs its own commands
 * and forwards its own ports; and it reads what ssh says of them.
 */
const OURS: readonly string[] = [
  "RemoteCommand=none",
  "PermitLocalCommand=no",
  "ForwardAgent=no",
  "ForwardX11=no",
  "LogLevel=INFO",
];

const options = (all: readonly string[]): string[] => all.flatMap((each) => ["-o", each]);

/** What ssh is started with. */
interface Start {
  /** Words before the host. */
  extra?: readonly string[];
  /** A terminal there. */
  terminal?: boolean;
  /** The user's own forwardings are dropped, and with them those of `extra`: ssh does not tell them apart. */
  forwards?: boolean;
}

/** One machine's shared ssh connection: the operator's own ssh, its config, agent and known hosts. */
export class Link {
  readonly host: string;
  readonly #common: string[];
  readonly #control: string | undefined;

  private constructor(host: string, common: string[], control: string | undefined) {
    this.host = host;
    this.#common = common;
    this.#control = control;
  }

  /** Nothing is connected yet. @throws Failure ssh.unknown-host, ssh.control-folder */
  static async to(where: Where, wanted: SshOptions): Promise<Link> {
    const host = checkHost(where.ssh);
    const multiplex = wanted.multiplex ?? (process.platform !== "win32" && process.env["DRAY_SSH_MULTIPLEX"] !== "no");
    const config = process.env["DRAY_SSH_CONFIG"];
    const common = [
      ...(config === undefined ? [] : ["-F", config]),
      ...options([
        ...OURS,
        `ConnectTimeout=${wanted.connectTimeoutS ?? CONNECT_TIMEOUT_S}`,
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        ...(process.stdin.isTTY ? [] : ["BatchMode=yes"]),
        ...(wanted.acceptNewHostKey === true ? ["StrictHostKeyChecking=accept-new"] : []),
      ]),
    ];
    const salt = wanted.apart === true ? randomUUID() : "";
    const name = createHash("sha256").update(`${host}\n${config}${salt}`).digest("hex").slice(0, 12);
    return new Link(host, common, multiplex ? path.join(await controlFolder(), name) : undefined);
  }

  /** Where the machine's docker socket appears on this computer. */
  get socket(): string | undefined {
    return this.#control === undefined ? undefined : `${this.#control}.d`;
  }

  /** Is one connection shared between commands? */
  get shared(): boolean {
    return this.#control !== undefined;
  }

  /** `ssh` with everything before the remote command. */
  argv({ extra = [], terminal = false, forwards = false }: Start = {}): string[] {
    const own = [
      `RequestTTY=${terminal ? "yes" : "no"}`,
      ...(forwards ? [] : ["ClearAllForwardings=yes"]),
      ...(this.#control === undefined ? [] : [controlPath(this.#control), "ControlMaster=no"]),
    ];
    return ["ssh", ...this.#common, ...options(own), ...extra, "--", this.host];
  }

  /** Opens the shared connection, with the docker socket forwarded. @throws Failure ssh.* */
  async open(signal: AbortSignal): Promise<void> {
    if (this.#control === undefined || this.socket === undefined) return;
    const forward = ["-L", `${this.socket}:/var/run/docker.sock`];
    // A master that an earlier command left does it at once.
    if ((await this.control("forward", forward, signal)).code === 0) return;
    const share = options([
      "ControlMaster=auto",
      controlPath(this.#control),
      `ControlPersist=${LINGER}`,
      "ClearAllForwardings=yes",
      "RequestTTY=no",
      "StreamLocalBindUnlink=yes",
    ]);
    const argv = ["ssh", ...this.#common, ...share, "-fN", "--", this.host];
    const ended = await within(LOGIN_MS, signal, (limit) => ssh(argv, limit));
    if (ended.code !== 0) throw explainSsh(this.host, ended.stderr);
    const forwarded = await this.control("forward", forward, signal);
    if (forwarded.code !== 0) throw explainSsh(this.host, forwarded.stderr);
    // sshd sets TCP_NODELAY when a session begins, and forwardings alone are none (OpenSSH, session.c): without this
    // one, answers in small pieces wait 40 ms each. Nobody waits for it, and its failure changes nothing.
    ssh([...this.argv({ extra: ["-n"] }), "true"], signal).catch(() => undefined);
  }

  /** Talks to the shared connection's master: forward, cancel, exit. It needs no configuration: forwardings there would be asked for, too. */
  async control(command: string, extra: readonly string[], signal: AbortSignal): Promise<Ended> {
    const path_ = options([controlPath(this.#control ?? "")]);
    return await within(CONTROL_MS, signal, (limit) =>
      ssh(["ssh", "-F", "none", ...path_, "-O", command, ...extra, "--", this.host], limit),
    );
  }
}

/** In an option's value `%` begins a token. */
const controlPath = (file: string): string => `ControlPath=${file.replaceAll("%", "%%")}`;

/** A word that ssh would take for an option can run programs on this computer. @throws Failure ssh.unknown-host */
export function checkHost(host: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (host !== "" && !/^-|@-|[\s\u0000-\u001F\u007F]/.test(host)) return host;
  throw new Failure("ssh.unknown-host", `${JSON.stringify(host)} is no name of a machine`, {
    hint: "user@host, a Host of ~/.ssh/config, or ssh://user@host:2222",
  });
}

/** Runs ssh to its end. @throws Failure ssh.missing */
export async function ssh(argv: readonly string[], signal: AbortSignal): Promise<Ended> {
  try {
    return await run(argv, { signal });
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
