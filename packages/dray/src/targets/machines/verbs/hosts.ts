import type { Session } from "../../../contract/session.ts";
import type { Place } from "../../../contract/place.ts";
import { whereOf, sshOf, connect } from "../plan/site.ts";
import type { HostFacts, SetUp } from "../../../contract/answers.ts";
import { Failure } from "../../../base/failure.ts";
import { EDGE } from "../../../edge/edge.ts";
import { isLocal, type Machine } from "../../../machine/machine.ts";
import { shellOf } from "../../../machine/ssh.ts";
import { ADDRESSES } from "../../../probes/machine-facts.ts";
import { architectureName } from "../../../machine/machine.ts";

interface Info {
  OperatingSystem: string;
  NCPU: number;
  MemTotal: number;
}

/** Looks at a machine. @throws Failure ssh.*, docker.* */
export async function factsOf(place: Place, session: Session): Promise<HostFacts> {
  await using machine = await connect(place, session);
  const { signal } = session;
  const [info, containers, system] = await Promise.all([
    machine.engine.get<Info>("/info", { signal }),
    machine.engine.get<{ Names: string[]; Labels: Record<string, string> }[]>("/containers/json", { signal }),
    shellFacts(machine, signal),
  ]);
  return {
    machine: place.name,
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

/** What setting a machine up would take; nothing is changed. @throws Failure machine.setup-unsupported */
export async function planSetUp(place: Place, session: Session): Promise<SetUp> {
  if (isLocal(whereOf(place)))
    throw new Failure("machine.setup-unsupported", "dray sets up machines over ssh, not this computer", {
      hint: "install Docker here yourself: apt-get install docker.io",
    });
  const shell = await shellOf(whereOf(place), sshOf(session), session.signal);
  const script =
    '. /etc/os-release; echo "id=$ID $ID_LIKE"; echo "docker=$(PATH=$PATH:/usr/sbin:/sbin command -v dockerd)"; echo "user=$(id -un)"; echo "root=$(id -u)"; echo "systemd=$(test -d /run/systemd/system && echo yes)"';
  const { stdout } = await shell(script);
  const fact = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (!/debian|ubuntu/.test(fact("id"))) {
    throw new Failure(
      "machine.setup-unsupported",
      `${place.name} runs ${fact("id").trim() || "an unknown system"}; dray sets up Debian and Ubuntu`,
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
export async function setUp(place: Place, plan: SetUp, session: Session): Promise<void> {
  const shell = await shellOf(whereOf(place), sshOf(session), session.signal);
  for (const command of plan.commands) {
    const ended = await shell(command, (line) => session.emit({ type: "line", on: place.name, text: line }));
    if (ended.code === 0) continue;
    throw new Failure("machine.setup-failed", `"${command}" failed on ${place.name}`, {
      hint: /sudo/.test(ended.stderr)
        ? "the user needs sudo without a password, or set the machine up as root"
        : "its last lines are below; dray machine setup may be run again",
      details: ended.stderr.trim().split("\n").slice(-5),
    });
  }
}
