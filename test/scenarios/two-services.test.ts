import http from "node:http";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

async function versionOf(address: string, host: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const request = http.get({ host: address, path: "/", headers: { host } }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => (body += String(chunk)));
      answer.once("end", () => resolve((JSON.parse(body) as { version: string }).version));
    });
    request.once("error", reject);
  });
}

test("two services of one machine, deployed at once again and again, never overwrite each other", async () => {
  await using vm = await startVm();
  const names = ["loans", "cards"];
  const manifest = async (name: string, tag: string): Promise<void> =>
    await vm.write(
      `${name}.yaml`,
      `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage(tag)}\ndomain: ${name}.example\ntls: off\nready: /\n`,
    );
  for (const tag of ["1", "2", "1"]) {
    await Promise.all(names.map((name) => manifest(name, tag)));
    const ended = await Promise.all(names.map((name) => vm.dray("deploy", "--file", `${name}.yaml`)));
    for (const each of ended) expect(each.code, each.stderr).toBe(0);
    for (const name of names) expect(await versionOf(vm.address, `${name}.example`)).toBe(tag);
  }
  const status = await vm.dray("status", "--all", "--json", "--file", "loans.yaml");
  const [machine] = JSON.parse(status.stdout) as { services: { service: string; releases: object[] }[] }[];
  expect(machine?.services.map((each) => [each.service, each.releases.length]).toSorted()).toEqual([
    ["cards", 3],
    ["loans", 3],
  ]);
  const clash = await vm.dray("deploy", appImage("1"), "--machine", vm.host, "--service", "first");
  expect(clash.code, clash.stderr).toBe(0);
  const second = await vm.dray("deploy", appImage("1"), "--machine", vm.host, "--service", "second");
  expect(second.stderr).toContain("[service.route-taken]");
});
