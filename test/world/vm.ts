import { spawn } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { type Ended, run } from "../../packages/dray/src/base/process.ts";
import { openWire, type Wire } from "./wire.ts";
import { addressOf, CACHE, must, type Suite, vmImage } from "./images.ts";
import { worldFolder } from "./owner.ts";
import { growFromSeed } from "./seed.ts";
import { noteCommand, stands } from "./witness.ts";

export const DRAY = fileURLToPath(new URL("../../packages/dray/dist/cli/main.js", import.meta.url));

/** root; in the docker group; sudo only; neither. */
export type User = "root" | "ops" | "sue" | "bob";

/** A VM stand-in with an address of its own, and `dray` on this computer pointed at it. */
export interface Vm extends AsyncDisposable {
  address: string;
  /** What the manifest calls it. */
  host: string;
  folder: string;
  /** The way of ssh to it, when it was started with one. */
  wire: Wire | undefined;
  /** Runs the built `dray` in the world's folder. */
  dray(...argv: string[]): Promise<Ended>;
  /** Starts it and gives it back running, to be sent a signal. */
  drayRunning(...argv: string[]): Running;
  /** The same, with other environment variables. */
  drayWith(env: Record<string, string>, ...argv: string[]): Promise<Ended>;
  /** The same, with something on its standard input. */
  drayFed(stdin: string, ...argv: string[]): Promise<Ended>;
  /** Runs a program inside the VM as root. */
  inside(...argv: string[]): Promise<string>;
  write(name: string, content: string): Promise<void>;
}

/** A `dray` that has not ended yet. */
export interface Running {
  kill: (signal: NodeJS.Signals) => void;
  ended: Promise<Ended>;
  /** Called with each line of its stderr as it comes. */
  onLine: (act: (line: string) => void) => void;
  /** The first line of its stdout. */
  firstLine: Promise<string>;
}

interface VmOptions {
  /** Put a wire before its port 22, with this round trip. */
  rttMs?: number;
  /** Its engine has nothing at all: neither edge nor keeper nor any layer of the API's image. */
  fresh?: boolean;
}

/** What a container needs to have an engine of its own, where --privileged is not to be had. */
export const RIGHTS: readonly string[] = [
  "--cap-add",
  "ALL",
  "--cap-drop",
  "SYS_RESOURCE",
  "--cgroupns",
  "private",
  "--device-cgroup-rule",
  "a *:* rwm",
  ...["seccomp", "apparmor", "systempaths"].flatMap((option) => ["--security-opt", `${option}=unconfined`]),
];

/** Starts a stand-in; this computer is the client that is not the VM. shared/facts/docker-ssh.md says why each flag is needed. */
export async function startVm(suite: Suite = "bookworm", user: User = "ops", options: VmOptions = {}): Promise<Vm> {
  const name = `dray-world-${randomBytes(4).toString("hex")}`;
  const folder = await worldFolder();
  const [key] = await Promise.all([
    makeKey(folder),
    must(["docker", "network", "create", name]),
    makeDisk(name, suite === "bookworm" && options.fresh !== true),
  ]);
  const place = [
    "--name",
    name,
    "--hostname",
    name,
    "--network",
    name,
    "-v",
    `${name}:/var/lib/docker`,
    "--tmpfs",
    "/run:exec",
  ];
  await must(["docker", "run", "-d", ...place, ...RIGHTS, "-e", `AUTHORIZED_KEY=${key}`, vmImage(suite)]);
  const leave = stands({
    name,
    remove: async () => {
      await must(["docker", "rm", "-f", "-v", name]);
      await must(["docker", "network", "rm", name]);
      await must(["docker", "volume", "rm", name]);
      await rm(folder, { recursive: true, force: true });
    },
  });
  const address = await addressOf(name);
  const config = path.join(folder, "ssh_config");
  const wire = options.rttMs === undefined ? undefined : await openWire(address, 22, options.rttMs);
  const lines = [
    ...(wire === undefined ? [`HostName ${address}`] : ["HostName 127.0.0.1", `Port ${wire.port}`]),
    `HostKeyAlias ${name}`,
    `User ${user}`,
    `IdentityFile ${folder}/key`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${folder}/known_hosts`,
  ];
  await writeFile(config, `Host ${name}\n${lines.map((line) => `  ${line}\n`).join("")}`);
  const env = {
    ...laptopEnv(config),
    DRAY_CONFIG: path.join(folder, "config"),
    DRAY_STATE: path.join(folder, "state"),
    // Nobody outside is asked, not even whether there is a way out.
    DRAY_CONTROL_HOST: address,
  };
  const inside = (...argv: string[]): Promise<string> => must(["docker", "exec", name, ...argv]);
  const dray = (extra: Record<string, string>, argv: readonly string[], stdin?: string): Promise<Ended> =>
    runDray(folder, { ...env, ...extra }, argv, stdin);
  await waitFor(() => inside("sh", "-c", ENGINE_ANSWERS));
  await must(["sh", "-c", `ssh-keyscan ${address} 2>/dev/null | sed "s/^[^ ]*/${name}/" > ${folder}/known_hosts`]);
  return {
    address,
    host: name,
    folder,
    wire,
    inside,
    dray: (...argv) => dray({}, argv),
    drayRunning: (...argv) => startDray(folder, env, argv),
    drayFed: (stdin, ...argv) => dray({}, argv, stdin),
    drayWith: (extra, ...argv) => dray(extra, argv),
    write: (file, content) => writeFile(path.join(folder, file), content),
    [Symbol.asyncDispose]: async () => {
      await wire?.[Symbol.asyncDispose]();
      await leave();
    },
  };
}

/** Each question from out here costs as much as the start itself: the machine waits, and is asked once. */
const ENGINE_ANSWERS = "until [ -S /var/run/docker.sock ]; do sleep 0.1; done; docker version";

/** Makes the key of the laptop; resolves to what the machine knows of it. */
async function makeKey(folder: string): Promise<string> {
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path.join(folder, "key")]);
  return (await readFile(path.join(folder, "key.pub"), "utf8")).trim();
}

/** Makes the volume of an engine. Another Debian's engine keeps its images in its own way: it begins with nothing. */
async function makeDisk(name: string, grown: boolean): Promise<void> {
  await must(["docker", "volume", "create", name]);
  if (grown) await growFromSeed(name);
}

/** The environment of a laptop whose ssh has that configuration. */
export function laptopEnv(config: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    DRAY_SSH_CONFIG: config,
    DRAY_CACHE: CACHE,
    NO_COLOR: "1",
  };
}

/** Runs the built `dray` to its end. */
export async function runDray(
  folder: string,
  env: NodeJS.ProcessEnv,
  argv: readonly string[],
  stdin?: string,
  inside: readonly string[] = [],
): Promise<Ended> {
  const program = [...inside, process.execPath, DRAY, ...argv];
  const options = { cwd: folder, env, ...(stdin === undefined ? {} : { stdin }) };
  const ended = await within(600_000, undefined, (signal) => run(program, { ...options, signal }));
  noteCommand(argv, ended);
  return ended;
}

/** Starts the built `dray`. */
export function startDray(
  folder: string,
  env: NodeJS.ProcessEnv,
  argv: readonly string[],
  inside: readonly string[] = [],
): Running {
  const [program = "", ...rest] = [...inside, process.execPath, DRAY, ...argv];
  const child = spawn(program, rest, { cwd: folder, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (said.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (said.stderr += String(chunk)));
  const ended = once(child, "close").then(([code]): Ended => {
    const how = { code: Number(code ?? 1), ...said };
    noteCommand(argv, how);
    return how;
  });
  const onLine = (act: (line: string) => void): void => void createInterface({ input: child.stderr }).on("line", act);
  const firstLine = once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line));
  return { kill: (signal) => child.kill(signal), ended, onLine, firstLine };
}

async function waitFor(question: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await question();
      return;
    } catch (error) {
      if (attempt > 120) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
