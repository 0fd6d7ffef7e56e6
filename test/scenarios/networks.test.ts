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
