import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { EDGE } from "../machine/edge.ts";
import { isLocal, type Machine, type Where } from "../machine/machine.ts";
import { shellOf, type SshOptions } from "../machine/ssh.ts";
import { ADDRESSES } from "../probes/machine-facts.ts";
import { architectureName } from "../targets/machines/observe.ts";
import { connect } from "./fleet.ts";

/** What a machine is, for `dray machine ls`. Memory and disk in bytes. */
export interface MachineFacts {
  machine: string;
  os: string;
  engine: string;
  architecture: string;
  cpus: number;
  memory: number;
  diskFree?: number;
  addresses: string[];
  edge: boolean;
  services: string[];
}

interface Info {
  OperatingSystem: string;
  NCPU: number;
  MemTotal: number;
}

/** Looks at a machine. @throws Failure ssh.*, docker.* */
export async function machineFacts(where: Where, ssh: SshOptions, context: Context): Promise<MachineFacts> {
  await using machine = await connect(where, ssh, context);
  const { signal } = context;
  const [info, containers, system] = await Promise.all([
    machine.engine.get<Info>("/info", { signal }),
    machine.engine.get<{ Names: string[]; Labels: Record<string, string> }[]>("/containers/json", { signal }),
    shellFacts(machine, signal),
  ]);
  return {
    machine: where.name,
    os: system.os || info.OperatingSystem,
    engine: machine.version.Version,
    architecture: architectureName(machine.version.Arch),
    cpus: info.NCPU,
    memory: info.MemTotal,
    ...(system.free === undefined ? {} : { diskFree: system.free }),
    addresses: [machine.address, ...system.addresses.filter((address) => address !== machine.address)],
    edge: containers.some((container) => container.Names.includes(`/${EDGE}`)),
    services: [...new Set(containers.flatMap((container) => container.Labels["dray.service"] ?? []))],
  };
}

/** One `key=value` a line; the bridges of Docker itself are not addresses of the machine. */
const FACTS = [
  '. /etc/os-release; echo "os=$PRETTY_NAME"',
  'echo "disk=$(df -Pk /var/lib/docker /var/lib 2>/dev/null | sed -n 2p)"',
  ADDRESSES,
].join("; ");

async function shellFacts(
  machine: Machine,
  signal: AbortSignal,
): Promise<{ os?: string; free?: number; addresses: string[] }> {
  const { code, stdout } = await machine.run(["sh", "-c", FACTS], { signal });
  if (code !== 0) return { addresses: [] };
  const fact = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
  const free = Number(fact("disk").split(/\s+/)[3] ?? Number.NaN) * 1024;
  return {
    os: fact("os"),
    ...(Number.isFinite(free) ? { free } : {}),
    addresses: fact("addresses")
      .trim()
      .split(/\s+/)
      .filter((address) => address !== ""),
  };
}

export interface SetUp {
  /** Lines of shell that would be run, for the user to read first. */
  commands: string[];
  needed: boolean;
}

/** What setting a machine up would take; nothing is changed. @throws Failure machine.setup-unsupported */
export async function planSetUp(where: Where, ssh: SshOptions, context: Context): Promise<SetUp> {
  if (isLocal(where))
    throw new Failure("machine.setup-unsupported", "dray sets up machines over ssh, not this computer", {
      hint: "install Docker here yourself: apt-get install docker.io",
    });
  const shell = await shellOf(where, ssh, context.signal);
  const script =
    '. /etc/os-release; echo "id=$ID $ID_LIKE"; echo "docker=$(PATH=$PATH:/usr/sbin:/sbin command -v dockerd)"; echo "user=$(id -un)"; echo "root=$(id -u)"; echo "systemd=$(test -d /run/systemd/system && echo yes)"';
  const { stdout } = await shell(script);
  const fact = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (!/debian|ubuntu/.test(fact("id"))) {
    throw new Failure(
      "machine.setup-unsupported",
      `${where.name} runs ${fact("id").trim() || "an unknown system"}; dray sets up Debian and Ubuntu`,
      { hint: "install Docker Engine there as its vendor says: https://docs.docker.com/engine/install/" },
    );
  }
  const sudo = fact("root") === "0" ? "" : "sudo -n ";
  if (fact("docker") !== "") return { commands: [], needed: false };
  return {
    needed: true,
    commands: [
      `${sudo}env DEBIAN_FRONTEND=noninteractive apt-get update`,
      `${sudo}env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends docker.io ca-certificates iptables`,
      ...(fact("root") === "0" ? [] : [`${sudo}usermod -aG docker ${fact("user")}`]),
      ...(fact("systemd") === "yes" ? [`${sudo}systemctl enable --now docker`] : []),
    ],
  };
}

/** Installs Docker from the machine's own distribution. @throws Failure machine.setup-failed */
export async function setUp(where: Where, ssh: SshOptions, plan: SetUp, context: Context): Promise<void> {
  const shell = await shellOf(where, ssh, context.signal);
  for (const command of plan.commands) {
    const ended = await shell(command, (line) => context.emit({ type: "line", on: where.name, text: line }));
    if (ended.code === 0) continue;
    throw new Failure("machine.setup-failed", `"${command}" failed on ${where.name}`, {
      hint: /sudo/.test(ended.stderr)
        ? "the user needs sudo without a password, or set the machine up as root"
        : "its last lines are below; dray machine setup may be run again",
      details: ended.stderr.trim().split("\n").slice(-5),
    });
  }
}
