import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { run } from "../../packages/dray/src/base/process.ts";
import type { MachineStatus } from "../../packages/dray/src/targets/machines/verbs/status.ts";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const { signal } = new AbortController();

test("what was tried in staging serves in production: the same image, also when this computer's engine has it no more", async () => {
  await using vm = await startVm();
  const own = `dray-promoted-${process.pid}:1`;
  await run(["docker", "tag", appImage("2"), own], { signal });
  const golden = [{ request: { path: "/decisions", body: {} }, expect: { status: 200 } }];
  await vm.write("golden.json", JSON.stringify(golden));
  await vm.write(
    "dray.yaml",
    `service: loans
machine: ${vm.host}
image: ${own}
tls: off
ready: /health
on: { deployed: ["cat >> told.jsonl"] }
environments:
  staging: { service: loans-staging, prefix: /staging }
  production: { env: { MODE: production } }
`,
  );
  const none = await vm.dray("deploy", "-y");
  expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("[manifest.environment]")]);
  const early = await vm.dray("promote", "staging", "production", "-y");
  expect(early.stderr).toContain("[promote.nothing]");
  const staged = await vm.drayWith({ DRAY_ENVIRONMENT: "staging" }, "deploy", "-y");
  expect(staged.code, staged.stderr).toBe(0);
  await run(["docker", "rmi", own], { signal });

  const promoted = await vm.dray("promote", "staging", "production", "-y");
  expect(promoted.code, promoted.stderr).toBe(0);
  expect(promoted.stderr).toMatch(/production has what staging has: sha256:[0-9a-f]{12}/);
  const told = (await readFile(`${vm.folder}/told.jsonl`, "utf8")).trim().split("\n");
  expect(told.map((line) => (JSON.parse(line) as { environment: string }).environment)).toEqual([
    "staging",
    "production",
  ]);
  for (const at of ["/", "/staging/"])
    expect(await (await fetch(`http://${vm.address}${at}`)).json()).toMatchObject({ version: "2" });
  const status = await vm.dray("status", "--all", "--json", "-e", "production");
  const [machine] = JSON.parse(status.stdout) as MachineStatus[];
  expect(machine?.services.map(({ service }) => service).toSorted()).toEqual(["loans", "loans-staging"]);
});
