import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const CLASS = 6;
const everyone = Array.from({ length: CLASS }, (_, seat) => seat);

/** Machines that are started side by side, and go together. */
async function startClass(stack: { use: (vm: Vm) => Vm }): Promise<Vm[]> {
  const started = await Promise.allSettled(everyone.map(() => startVm()));
  const machines = started.flatMap((each) => (each.status === "fulfilled" ? [stack.use(each.value)] : []));
  expect(machines).toHaveLength(CLASS);
  return machines;
}

/** Puts all of them into the network of the first, as machines of one project are; resolves to their addresses there. */
async function joined(machines: readonly Vm[], network: string): Promise<string[]> {
  const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return await Promise.all(
    machines.map(async ({ host }) => {
      if (host !== network) await must(["docker", "network", "connect", network, host]);
      return await must(["docker", "inspect", "-f", format, host]);
    }),
  );
}

/** Takes them out of the first one's network, which goes with it. */
async function parted([teacher, ...others]: readonly Vm[]): Promise<void> {
  if (teacher === undefined) return;
  for (const { host } of others) await must(["docker", "network", "disconnect", "-f", teacher.host, host]);
}

/** The versions that are served at addresses, as a machine sees them. */
async function calls(machine: Vm, addresses: readonly string[]): Promise<string[]> {
  const script =
    "import json, sys, urllib.request as u\nfor at in sys.argv[1:]: print(json.load(u.urlopen('http://' + at, timeout=10))['version'])";
  const container = await machine.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica");
  return (await machine.inside("docker", "exec", container, "python3", "-c", script, ...addresses)).split("\n");
}

test("a class: one manifest lists six machines, each gets the API, and everyone calls everyone's", async () => {
  const rooms: Vm[] = [];
  try {
    const machines = await startClass({ use: (vm) => (rooms.push(vm), vm) });
    const [teacher] = machines;
    if (teacher === undefined) throw new Error("nobody is there");
    const configs = await Promise.all(machines.map(({ folder }) => readFile(path.join(folder, "ssh_config"), "utf8")));
    await teacher.write("ssh_config", configs.join("\n"));
    const list = machines.map(({ host }) => `  - ops@${host}\n`).join("");
    await teacher.write("dray.yaml", `service: decisions\nimage: ${appImage("1")}\nmachines:\n${list}`);
    const deployed = await teacher.dray("deploy", "--yes", "--json");
    expect(deployed.code, deployed.stderr).toBe(0);
    const { outcomes } = JSON.parse(deployed.stdout) as { outcomes: { machine: string }[] };
    expect(outcomes.map(({ machine }) => machine)).toEqual(machines.map(({ host }) => host));

    const addresses = await joined(machines, teacher.host);
    expect(await Promise.all(machines.map((each) => calls(each, addresses)))).toEqual(
      everyone.map(() => everyone.map(() => "1")),
    );
    // One of them asks one other by name, from the manifest that all of them share.
    const asked = await teacher.dray("request", "--machine", machines[4]?.host ?? "", "--path", "/");
    expect(asked.stdout).toContain(`GET http://${machines[4]?.address}/ -> 200`);
    // A participant's next release is that machine's alone.
    await teacher.write("dray.yaml", `service: decisions\nimage: ${appImage("2")}\nmachines:\n${list}`);
    const next = await teacher.dray("deploy", "--yes", "--machine", machines[2]?.host ?? "");
    expect(next.code, next.stderr).toBe(0);
    expect(await calls(machines[5] ?? teacher, addresses)).toEqual(["1", "1", "2", "1", "1", "1"]);
  } finally {
    await parted(rooms);
    await Promise.all(rooms.map(async (vm) => await vm[Symbol.asyncDispose]()));
  }
});
