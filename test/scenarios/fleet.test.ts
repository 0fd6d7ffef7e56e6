import { appendFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

test("a fleet: each machine gets the release, one that fails does not stop the others", async () => {
  await using one = await startVm("bookworm", "ops");
  await using two = await startVm("trixie", "root");
  const key = path.join(one.folder, "key");
  const hosts = `Host ${two.host}\n  HostName ${two.address}\n  User root\n  IdentityFile ${two.folder}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile ${two.folder}/known_hosts\n  HostKeyAlias ${two.host}\nHost three\n  HostName 127.0.0.1\n  Port 1\n  IdentityFile ${key}\n`;
  await appendFile(path.join(one.folder, "ssh_config"), hosts);
  const manifest = (tag: string, machines: string): string =>
    `service: decisions\nmachines: {${machines}}\natOnce: 2\nimage: ${appImage(tag)}\n`;
  const both = `one: ${one.host}, two: ${two.host}`;
  await one.write("dray.yaml", manifest("1", both));
  const first = await one.dray("deploy", "--json");
  expect(first.code, first.stderr).toBe(0);
  const { outcomes } = JSON.parse(first.stdout) as { outcomes: { machine: string; release: string }[] };
  expect(outcomes.map((each) => each.machine)).toEqual(["one", "two"]);
  expect(new Set(outcomes.map((each) => each.release)).size).toBe(1);

  await one.write("dray.yaml", manifest("2", `${both}, three: three`));
  const partly = await one.dray("deploy");
  expect(partly.code).toBe(1);
  expect(partly.stderr).toContain("[fleet.partly-failed]");
  expect(partly.stderr).toContain("three: [ssh.refused]");
  for (const vm of [one, two]) {
    expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "2" });
  }
  await one.write("dray.yaml", manifest("2", both));
  const back = await one.dray("rollback", "--machine", "two");
  expect(back.code, back.stderr).toBe(0);
  expect(await (await fetch(`http://${one.address}/`)).json()).toMatchObject({ version: "2" });
  expect(await (await fetch(`http://${two.address}/`)).json()).toMatchObject({ version: "1" });
});
