import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { gitlabScripts, packStub, runAction, shell, startForge } from "../world/runner.ts";
import { DRAY, startVm, type Vm } from "../world/vm.ts";

let vm: Vm;
let version = "";
let key = "";
let config = "";
let runner: NodeJS.ProcessEnv;
beforeAll(async () => {
  vm = await startVm();
  version = await packStub(vm, `"${process.execPath}" "${DRAY}"`);
  key = await readFile(path.join(vm.folder, "key"), "utf8");
  config = `Host ${vm.host}\n  HostName ${vm.address}\n  HostKeyAlias ${vm.host}\n  User ops\n`;
  await vm.write("event.json", JSON.stringify({ pull_request: { number: 7 } }));
  await vm.write("more", config);
  const folder = (name: string): string => path.join(vm.folder, name);
  const { DRAY_SSH_CONFIG: _mine, ...mine } = process.env;
  const own = { DRAY_STATE: folder("state"), DRAY_CONFIG: folder("config"), DRAY_CONTROL_HOST: vm.address };
  runner = { ...mine, ...own, NO_COLOR: "1", npm_config_offline: "true" };
});
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

const manifest = (tag: string, more = ""): Promise<void> =>
  vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\n${more}`);
const served = async (): Promise<unknown> => await (await fetch(`http://${vm.address}/`)).json();

test("GitHub: the action's steps post the plan, deploy it, and leave nothing stuck when the job is cancelled", async () => {
  const forge = await startForge();
  const env = {
    ...runner,
    GITHUB_ACTIONS: "true",
    GITHUB_API_URL: forge.url,
    GITHUB_REPOSITORY: "someone/models",
    GITHUB_EVENT_PATH: path.join(vm.folder, "event.json"),
    GITHUB_SHA: "0123abc",
  };
  const hosts = await readFile(path.join(vm.folder, "known_hosts"), "utf8");
  const inputs = { version, "ssh-key": key, "known-hosts": hosts, "ssh-config": config, token: "t0ken" };
  await manifest("1");
  const planned = await runAction(vm, { ...inputs, command: "plan" }, { env });
  expect(planned.code, planned.said).toBe(0);
  expect(planned.summary).toContain("+ release");
  expect(forge.comments.map(({ body }) => body)).toEqual([expect.stringContaining("+ release")]);

  const deployed = await runAction(vm, { ...inputs, command: "deploy" }, { env });
  expect(deployed.code, deployed.said).toBe(0);
  expect(deployed.summary).toMatch(/### dray deploy[^]*serves at/);
  expect(await served()).toMatchObject({ version: "1" });

  await manifest("never-ready", "ready: /health\n");
  const cancelled = await runAction(vm, { ...inputs, command: "deploy" }, { env, interrupt: /start \w+ \(/ });
  expect(cancelled.code, cancelled.said).toBe(130);
  expect(cancelled.said).toContain("[interrupted]");
  expect(await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).not.toContain("\n");
  expect(await served()).toMatchObject({ version: "1" });
  for (const line of key.split("\n").slice(1, -2)) expect(planned.said + deployed.said).not.toContain(line);
  // The lock is free: the next job need not wait for it.
  await manifest("2");
  const next = await runAction(vm, { ...inputs, command: "deploy" }, { env });
  expect(next.code, next.said).toBe(0);
  expect(await served()).toMatchObject({ version: "2" });
});

test("GitLab: the include's jobs note the plan, and deploy it", async () => {
  const forge = await startForge();
  const file = (name: string): string => path.join(vm.folder, name);
  const env = {
    ...runner,
    DRAY_VERSION: version,
    DRAY_SSH_KEY: file("key"),
    DRAY_KNOWN_HOSTS: file("known_hosts"),
    DRAY_SSH_CONFIG_MORE: file("more"),
    DRAY_GITLAB_TOKEN: "glpat",
    DRAY_FOLDER: ".",
    DRAY_ARGUMENTS: "",
    TMPDIR: vm.folder,
    CI_PROJECT_DIR: vm.folder,
    CI_API_V4_URL: forge.url,
    CI_PROJECT_ID: "1",
    CI_MERGE_REQUEST_IID: "3",
    CI_COMMIT_SHA: "0123abc",
    CI_JOB_ID: "11",
  };
  await manifest("1");
  const scripts = await gitlabScripts();
  for (const job of ["dray-plan", "after", "dray-deploy", "after"] as const) {
    const ended = await shell(scripts[job], { cwd: vm.folder, env });
    expect(ended.code, ended.said).toBe(0);
  }
  expect(forge.comments.map(({ body }) => body)).toEqual([expect.stringMatching(/[+~] release/)]);
  expect(await served()).toMatchObject({ version: "1" });
});
