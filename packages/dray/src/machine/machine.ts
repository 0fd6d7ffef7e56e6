import type { Ended } from "../base/process.ts";
import type { Engine } from "./engine.ts";
import type { AskLogin } from "./login.ts";

/** A port of this computer, made reachable on the machine's loopback. */
export interface Tunnel extends AsyncDisposable {
  /** The port on the machine's 127.0.0.1. */
  port: number;
}

/** One computer with Docker: over SSH, or this one. */
export interface Machine extends AsyncDisposable {
  /** What the user calls it in the manifest. */
  name: string;
  /** Where clients reach it, as far as this computer knows: a host name or an address. */
  address: string;
  engine: Engine;
  version: EngineVersion;
  /** Runs a program on the machine as the login user. */
  run(
    argv: readonly string[],
    options: { signal: AbortSignal; stdin?: string; onLine?: (line: string) => void },
  ): Promise<Ended>;
  /** As whom its sshd let this computer in, asked once; undefined where there is no sshd between, or it does not say. */
  login?: AskLogin;
  /** Makes 127.0.0.1:`port` of this computer reachable from the machine's engine. */
  lend(port: number, signal: AbortSignal): Promise<Tunnel>;
  /** The argv that attaches a user to a program on the machine; `terminal`: to a terminal there. */
  interactive(argv: readonly string[], terminal: boolean): string[];
}

export interface EngineVersion {
  Version: string;
  ApiVersion: string;
  MinAPIVersion?: string;
  Arch: string;
  Os: string;
}

/** How to get to a machine: `local`, or anything `ssh` understands. */
export interface Where {
  name: string;
  ssh: string;
}

export function isLocal(where: Where): boolean {
  return where.ssh === "local";
}

/** Docker's name of an architecture: what `uname -m` calls x86_64 is amd64 there. */
export function architectureName(arch: string): string {
  const names: Record<string, string> = { x86_64: "amd64", aarch64: "arm64", armv7l: "arm" };
  return names[arch] ?? arch;
}
