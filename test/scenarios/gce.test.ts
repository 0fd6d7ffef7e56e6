import { expect, test } from "vitest";
import type { CloudMachine } from "../../packages/dray/src/core/cloud.ts";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";
import { appImage } from "../world/images.ts";

test("a machine is made, known before it is spoken to, deployed to, stopped, started and taken away", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const made = await laptop.dray("machine", "create", "jkowalski-vm", "-y");
  expect(made.code, made.stderr).toBe(0);
  expect(made.stderr).toContain("reserve an address");
  expect(made.stdout).toMatch(/costs about \$\d+\.\d\d a month/);
  const [, ssh = ""] = /machine: (\S+) in dray\.yaml/.exec(made.stdout) ?? [];
  const [, address = ""] = ssh.split("@");
  // Its host keys came by way of the cloud; ssh asks nobody.
  expect(await laptop.read("known_hosts")).toContain(`${address} ssh-ed25519 `);

  await laptop.write(
    "dray.yaml",
    `service: decisions\nmachine: ${ssh}\nimage: ${appImage("1")}\ntls: off\nready: /health\n`,
  );
  const deployed = await laptop.dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const answer = await fetch(`http://${address}/decisions`, { method: "POST", body: "{}" });
  expect(answer.status).toBe(200);

  // Run again it finds all of it, and changes nothing.
  const before = google.seen.length;
  const again = await laptop.dray("machine", "create", "jkowalski-vm", "-y");
  expect(again.code, again.stderr).toBe(0);
  expect(google.seen.slice(before).filter((name) => !name.startsWith("GET"))).toEqual([]);

  const listed = await laptop.json<CloudMachine[]>("machine", "ls", "--cloud", "gce");
  expect(listed).toMatchObject([
    { name: "jkowalski-vm", status: "RUNNING", external: address, reserved: true, ours: true },
  ]);
  const stopped = await laptop.dray("machine", "stop", "jkowalski-vm");
  expect(stopped.stdout).toMatch(/its disk and its address go on costing: about \$9\.30 a month; dray machine rm/);
  const started = await laptop.dray("machine", "start", "jkowalski-vm");
  expect(started.stdout).toContain(`runs at ${address}`);
  await expect
    .poll(() => fetch(`http://${address}/`).then(({ status }) => status, String), { timeout: 60_000 })
    .toBe(200);

  const gone = await laptop.dray("machine", "rm", "jkowalski-vm", "-y");
  expect(gone.code, gone.stderr).toBe(0);
  expect([google.compute.instances.size, google.compute.addresses.size]).toEqual([0, 0]);
  expect([...google.compute.firewalls.keys()]).toEqual(["default-allow-ssh"]);
  expect(await laptop.read("known_hosts")).not.toContain(address);
  expect(google.rejected).toEqual([]);
  expect(made.stdout + made.stderr + deployed.stderr).not.toContain(google.token);
});
