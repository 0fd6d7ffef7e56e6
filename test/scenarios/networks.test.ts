import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** Where the VM's containers reach this computer: for them it is the internet. */
async function outside(vm: Vm): Promise<string> {
  return await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
}

/** What a program in a container reaches, of addresses with a port, over TCP. */
async function reached(vm: Vm, container: string, all: readonly string[]): Promise<string[]> {
  const script = [
    "import socket, sys",
    "from concurrent.futures import ThreadPoolExecutor",
    "def dial(at):",
    "    host, port = at.rsplit(':', 1)",
    "    try: socket.create_connection((host, int(port)), 2).close(); return at",
    "    except OSError: return None",
    "print('\\n'.join(at for at in ThreadPoolExecutor(32).map(dial, sys.argv[1:]) if at))",
  ].join("\n");
  const said = await vm.inside("docker", "exec", container, "python3", "-c", script, ...all);
  return said.split("\n").filter(Boolean);
}

async function addressesOf(vm: Vm, container: string): Promise<string[]> {
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
  return (await vm.inside("docker", "inspect", container, "-f", format)).trim().split(" ");
}

async function replicaOf(vm: Vm, service: string): Promise<string> {
  return await vm.inside("docker", "ps", "-q", "--filter", `label=dray.service=${service}`);
}

test("a replica reaches the world, and nothing of ours: no other service, no keeper, no socket of the edge's", async () => {
  await using vm = await startVm();
  for (const name of ["alpha", "beta"]) {
    await vm.write(
      `${name}.yaml`,
      `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage("1")}\nprefix: /${name}\nready: /health\ntls: off\nrequests: {share: 100}\n`,
    );
    const ended = await vm.dray("deploy", "--file", `${name}.yaml`, "-y");
    expect(ended.code, ended.stderr).toBe(0);
  }
  const [alpha, beta] = [await replicaOf(vm, "alpha"), await replicaOf(vm, "beta")];
  const [keeper, edge, others] = await Promise.all(
    ["dray-keeper", "dray-edge", beta].map((each) => addressesOf(vm, each)),
  );
  // The keeper is beside both services, to ask their replicas; and the edge, too.
  expect([keeper?.length, edge?.length, others?.length]).toEqual([3, 4, 1]);
  const ours = [
    ...(keeper ?? []).flatMap((each) => [`${each}:8080`, `${each}:9997`]),
    ...(edge ?? []).flatMap((each) => [`${each}:9998`, `${each}:9999`]),
    ...(others ?? []).map((each) => `${each}:8080`),
  ];
  await using server = createServer((socket) => socket.end());
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  const world = `${await outside(vm)}:${(server.address() as AddressInfo).port}`;
  expect(await reached(vm, alpha, [...ours, world])).toEqual([world]);

  // A forged copy of a request, sent to wherever the keeper is, is none of those that it keeps.
  const forged = `import socket, sys
line = b"copy alpha 0 1 alpha forged-id GET 200 1 " + b" ".join([b"Lw=="] * 4)
for host in sys.argv[1:]:
    try: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(line, (host, 9997))
    except OSError: pass`;
  await vm.inside("docker", "exec", alpha, "python3", "-c", forged, ...(keeper ?? []));
  const body = JSON.stringify({ income: 4000 });
  const asked = await fetch(`http://${vm.address}/alpha/decisions`, { method: "POST", body });
  expect(asked.status).toBe(200);
  const kept = async (): Promise<string> => (await vm.dray("requests", "export", "--file", "alpha.yaml")).stdout;
  await expect.poll(kept).toContain(asked.headers.get("x-request-id"));
  expect(await kept()).not.toContain("forged-id");

  for (const name of ["alpha", "beta"]) expect((await vm.dray("remove", "--file", `${name}.yaml`, "-y")).code).toBe(0);
  expect(await vm.inside("docker", "network", "ls", "-q", "--filter", "name=dray")).toBe("");
});

/** The manifest of a service on a port that leaves 80 to the metadata server. */
async function deployBeside(vm: Vm, more = ""): Promise<string> {
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /health\ntls: off\nedge: {port: 8080}\n${more}`,
  );
  const ended = await vm.dray("deploy", "-y");
  expect(ended.code, ended.stderr).toBe(0);
  return ended.stderr;
}

/** As a cloud has it: a server at that address, of which any process on the machine may ask. */
async function startMetadata(vm: Vm): Promise<void> {
  await vm.inside("ip", "address", "add", "169.254.169.254/32", "dev", "lo");
  const [, ...image] = /^(dray\/decisions) +(\S+)/m.exec(await vm.inside("docker", "images")) ?? [];
  const serve = ["python3", "-m", "http.server", "80", "--bind", "169.254.169.254"];
  await vm.inside("docker", "run", "-d", "--network", "host", image.join(":"), ...serve);
}

async function askMetadata(vm: Vm): Promise<string> {
  const script = "import urllib.request as u; print(u.urlopen('http://169.254.169.254/', timeout=2).status)";
  const [replica = ""] = (await replicaOf(vm, "decisions")).split("\n");
  return await vm.inside("docker", "exec", replica, "python3", "-c", script).catch((error: unknown) => String(error));
}

async function question(vm: Vm): Promise<{ verdict: string; evidence: string } | undefined> {
  const { stdout } = await vm.dray("check", "--json");
  const { items } = JSON.parse(stdout) as { items: { number: number; verdict: string; evidence: string }[] };
  return items.find((each) => each.number === 26);
}

test("a replica has no way to the cloud's metadata, also after a boot", { timeout: 300_000 }, async () => {
  await using vm = await startVm();
  expect(await deployBeside(vm)).not.toContain("metadata:");
  await startMetadata(vm);
  expect(await askMetadata(vm)).toContain("timed out");
  const closed = expect.stringContaining("a metadata server answers");
  expect(await question(vm)).toMatchObject({ verdict: "pass", evidence: closed });
  // A boot leaves no rule of anybody's; what stands for ever makes them again.
  await vm.inside("sh", "-c", "docker stop -t 1 dray-wall; iptables -t raw -F PREROUTING");
  expect(await askMetadata(vm)).toBe("200");
  expect(await question(vm)).toMatchObject({ verdict: "fail" });
  await vm.inside("docker", "start", "dray-wall");
  await expect.poll(() => askMetadata(vm)).toContain("timed out");
});

test(
  "a manifest may ask for the cloud's metadata; where a machine does not let it be blocked, that is said",
  { timeout: 300_000 },
  async () => {
    await using vm = await startVm();
    expect(await deployBeside(vm, "metadata: true\n")).not.toContain("metadata:");
    await startMetadata(vm);
    expect(await askMetadata(vm)).toBe("200");
    await vm.inside("mv", "/usr/bin/env", "/usr/bin/env.gone");
    expect(await deployBeside(vm)).toMatch(/metadata: replicas may ask the cloud's metadata: .*env/);
    expect(await question(vm)).toMatchObject({ verdict: "fail" });
    // A machine that is put in order is closed by the next deploy.
    await vm.inside("mv", "/usr/bin/env.gone", "/usr/bin/env");
    await deployBeside(vm);
    expect(await askMetadata(vm)).toContain("timed out");
  },
);
