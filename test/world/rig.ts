import { randomBytes } from "node:crypto";
import { appendFile, realpath, writeFile } from "node:fs/promises";
import path from "node:path";
import { within } from "drayage-clock";
import { type Ended, run } from "../../packages/dray/src/base/process.ts";
import { appImage, must, prepareRegistry, REGISTRY_IMAGE, RIG_IMAGE } from "./images.ts";
import { DRAY, startVm, type User, type Vm } from "./vm.ts";
import { noteCommand } from "./witness.ts";

/** What the client calls the service. */
export const NAME = "api.example.test";
/** A port for containers that are run by hand beside the edge. */
export const HAND_PORT = 8081;

/** A client, a router with a firewall and a name server, and a VM stand-in that serves: a way on which anything can be broken. */
export interface Rig extends AsyncDisposable {
  vm: Vm;
  /** Address of the host that always answers, and of the client's router. */
  control: string;
  router: string;
  /** Runs a line of shell on a host, as root. */
  on(host: "client" | "router" | "vm", script: string): Promise<string>;
  /** `dray` on the client, with its own environment on top. */
  dray(argv: readonly string[], env?: Record<string, string>): Promise<Ended & { ms: number }>;
  /** The container that has the traffic. */
  replica: string;
  /** What the VM's engine calls the image of the API. */
  image: string;
  /** Has the name server answer these lines of a hosts file, and nothing else. */
  names(lines: readonly string[]): Promise<void>;
  /** Puts the folder `tls` of the VM's folder here onto the VM, as /tls. */
  copyTls(): Promise<void>;
  /** A registry that wants a login, on the VM's loopback; and its end. */
  denyPulls(): Promise<void>;
  allowPulls(): Promise<void>;
  /** Puts a stretch of network between client and VM: every packet of the service and of ssh takes this round trip. */
  delay(rttMs: number): Promise<void>;
  near(): Promise<void>;
}

const GOLDEN = [
  {
    request: { method: "POST", path: "/decisions", body: { income: 1 } },
    expect: { status: 200, body: { decision: "approve", score: 0.9 } },
  },
];

/** Starts everything and deploys the scenarios' API; to a stand-in of its own, or to one that is ended with it. */
export async function startRig(machine?: Vm): Promise<Rig> {
  const vm = machine ?? (await startVm("bookworm", "root"));
  const id = randomBytes(4).toString("hex");
  const [inner, router, client, control] = ["net", "router", "client", "control"].map(
    (each) => `dray-rig-${id}-${each}`,
  ) as [string, string, string, string];
  const undo: string[][] = [];
  const dispose = async (): Promise<void> => {
    for (const argv of undo.toReversed()) await must(argv);
    await vm[Symbol.asyncDispose]();
  };
  try {
    const six = `fd00:${id.slice(0, 4)}:${id.slice(4)}::/64`;
    await must(["docker", "network", "create", "--ipv6", "--subnet", six, inner]);
    undo.push(["docker", "network", "rm", inner]);
    const node = await realpath(process.execPath);
    const start = async (name: string, network: string, more: string[]): Promise<void> => {
      const shared = ["-v", `${node}:/usr/local/bin/node:ro`, "--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW"];
      await must([
        "docker",
        "run",
        "-d",
        "--name",
        name,
        "--network",
        network,
        ...shared,
        ...more,
        RIG_IMAGE,
        "sleep",
        "infinity",
      ]);
      undo.push(["docker", "rm", "-f", "-v", name]);
    };
    // IPv6 ends at the router: nobody behind it has any.
    await start(router, inner, ["--sysctl", "net.ipv6.conf.all.disable_ipv6=0", "--sysctl", "net.ipv4.ip_forward=1"]);
    await must(["docker", "network", "connect", vm.host, router]);
    const files = ["-v", `${vm.folder}:${vm.folder}`, "-v", `${path.dirname(path.dirname(DRAY))}:/dray:ro`];
    await start(client, inner, [...files, "--sysctl", "net.ipv6.conf.all.disable_ipv6=0"]);
    await start(control, vm.host, []);
    return await wire(vm, { inner, router, client, control }, dispose);
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function wire(
  vm: Vm,
  hosts: { inner: string; router: string; client: string; control: string },
  dispose: () => Promise<void>,
): Promise<Rig> {
  const containers = { client: hosts.client, router: hosts.router, vm: vm.host };
  const addressOf = async (container: string, network: string, field = "IPAddress"): Promise<string> =>
    await must(["docker", "inspect", container, "-f", `{{(index .NetworkSettings.Networks "${network}").${field}}}`]);
  const sh = (container: string, script: string): string[] => ["docker", "exec", container, "sh", "-c", script];
  const on: Rig["on"] = async (host, script) => await must(sh(containers[host], script));

  const [near, far, near6, control, mine] = await Promise.all([
    addressOf(hosts.router, hosts.inner),
    addressOf(hosts.router, vm.host),
    addressOf(hosts.router, hosts.inner, "GlobalIPv6Address"),
    addressOf(hosts.control, vm.host),
    addressOf(hosts.client, hosts.inner),
  ]);
  await on("client", `ip route replace default via ${near}; ip -6 route replace default via ${near6} || true`);
  await on("vm", `ip route replace ${mine}/32 via ${far}`);
  await must(["docker", "exec", "-d", hosts.control, "ip", "route", "replace", `${mine}/32`, "via", far]);
  const listen = "for (const port of [80, 443]) require('net').createServer((s) => s.end()).listen(port)";
  await must(["docker", "exec", "-d", hosts.control, "node", "-e", listen]);
  const dnsmasq = "dnsmasq --keep-in-foreground --no-resolv --no-hosts --addn-hosts=/hosts --address=/#/ --user=root";
  await on("router", `echo "${vm.address} ${NAME}" > /hosts`);
  await must(["docker", "exec", "-d", hosts.router, "sh", "-c", dnsmasq]);
  await on("client", `echo "nameserver ${near}" > /etc/resolv.conf`);

  const names: Rig["names"] = async (lines) => {
    await on("router", `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} > /hosts; pkill -HUP dnsmasq`);
  };
  const logins: readonly User[] = ["root", "ops", "sue", "bob"];
  await appendFile(path.join(vm.folder, "ssh_config"), logins.map((user) => sshHost(vm, user)).join(""));
  const manifest = (machine: string): string =>
    `service: decisions\nmachine: ${machine}\nimage: ${appImage("1")}\ndomain: ${NAME}\ntls: off\nready: /health\nlimits: {timeout: 3s}\n`;
  for (const user of logins) await vm.write(`${user}.yaml`, manifest(`${vm.host}-${user}`));
  await writeFile(path.join(vm.folder, "golden.json"), JSON.stringify(GOLDEN));
  const deployed = await vm.dray("deploy", "--file", "root.yaml", "--json");
  if (deployed.code !== 0) throw new Error(deployed.stdout + deployed.stderr);
  const replica = await on("vm", "docker ps --filter label=dray.role=replica --format '{{.Names}}'");
  // What takes a hung replica out and restarts it after 13 s would mend a fault before it is walked to, on a busy machine.
  await on("vm", "docker pause dray-keeper dray-warden");
  const image = await on("vm", `docker inspect ${replica} -f '{{.Config.Image}}'`);

  const env = {
    DRAY_SSH_CONFIG: path.join(vm.folder, "ssh_config"),
    DRAY_CONTROL_HOST: control,
    NO_COLOR: "1",
  };
  return {
    vm,
    control,
    router: near,
    on,
    names,
    replica,
    image,
    dray: async (argv, more = {}) => {
      const flags = Object.entries({ ...env, ...more }).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
      const startedAt = performance.now();
      const exec = ["docker", "exec", "-w", vm.folder, ...flags, hosts.client, "node", "/dray/cli/main.js", ...argv];
      const ended = await within(60_000, undefined, (signal) => run(exec, { signal }));
      noteCommand(argv, ended);
      return { ...ended, ms: Math.round(performance.now() - startedAt) };
    },
    copyTls: async () => {
      await on("vm", "rm -rf /tls");
      await must(["docker", "cp", path.join(vm.folder, "tls"), `${vm.host}:/tls`]);
    },
    denyPulls: async () => {
      await prepareRegistry();
      const name = `${vm.host}-registry`;
      await must(["docker", "run", "-d", "--name", name, "--network", `container:${vm.host}`, REGISTRY_IMAGE]);
      await on("vm", "for i in $(seq 50); do ss -ltn | grep -q :5000 && break; sleep 0.1; done");
    },
    allowPulls: async () => void (await must(["docker", "rm", "-f", "-v", `${vm.host}-registry`])),
    delay: async (rttMs) => {
      // This kernel has no netem: a relay on the router takes the connections and passes on what they carry, later.
      const relay = `for (const port of [22, 80]) require("net").createServer((near) => {
        const far = require("net").connect(port, "${vm.address}");
        const late = (to) => (chunk) => setTimeout(() => to.writable && to.write(chunk), ${rttMs / 2});
        near.setNoDelay(true).on("data", late(far)).on("error", () => far.destroy()).on("close", () => setTimeout(() => far.end(), ${rttMs}));
        far.setNoDelay(true).on("data", late(near)).on("error", () => near.destroy()).on("close", () => setTimeout(() => near.end(), ${rttMs}));
      }).listen(9000 + port)`;
      await must(["docker", "exec", "-d", hosts.router, "node", "-e", relay]);
      for (const port of [22, 80])
        await on(
          "router",
          `iptables -t nat -A PREROUTING -s ${mine} -d ${vm.address} -p tcp --dport ${port} -j REDIRECT --to-ports ${9000 + port}`,
        );
    },
    near: async () => void (await on("router", "iptables -t nat -F PREROUTING; pkill node || true")),
    [Symbol.asyncDispose]: async () => {
      // A machine of others goes on. The engine may have been restarted since, and they with it.
      await on("vm", "docker unpause dray-keeper dray-warden 2>/dev/null || true");
      await dispose();
    },
  };
}

/** The machine under the name of one of its users: what each may do there differs. */
function sshHost(vm: Vm, user: User): string {
  const lines = [
    `HostName ${vm.address}`,
    `HostKeyAlias ${vm.host}`,
    `User ${user}`,
    `IdentityFile ${vm.folder}/key`,
    "IdentitiesOnly yes",
    `UserKnownHostsFile ${vm.folder}/known_hosts`,
  ];
  return `Host ${vm.host}-${user}\n${lines.map((line) => `  ${line}\n`).join("")}`;
}
