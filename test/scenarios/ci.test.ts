import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { appImage, must } from "../world/images.ts";
import { DRAY, startVm, type Vm } from "../world/vm.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Step {
  name: string;
  if?: string;
  run: string;
  env?: Record<string, string>;
  "working-directory"?: string;
}

/** What a forge's API was sent, and the comments that it has. */
async function startForge(): Promise<{ url: string; comments: { id: number; body: string }[]; tokens: Set<string> }> {
  const comments: { id: number; body: string }[] = [];
  const tokens = new Set<string>();
  const server = http.createServer((request, reply) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      tokens.add(String(request.headers.authorization ?? request.headers["private-token"]));
      const { body = "" } = text === "" ? {} : (JSON.parse(text) as { body?: string });
      const there = comments.find(({ id }) => request.url?.endsWith(`/${id}`));
      if (there !== undefined) there.body = body;
      else if (request.method === "POST") comments.push({ id: comments.length + 1, body });
      reply.end(JSON.stringify(request.method === "GET" ? comments : {}));
    });
  });
  await once(server.unref().listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, comments, tokens };
}

/** A packed drayage that runs the built one: what an install puts there is the release's own affair, and is tested there. */
async function packStub(vm: Vm): Promise<string> {
  const folder = path.join(vm.folder, "stub");
  await mkdir(path.join(folder, "ci"), { recursive: true });
  const manifest = { name: "drayage", version: "9.9.9", bin: { dray: "dray" }, files: ["ci", "dray"] };
  await writeFile(path.join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(path.join(folder, "dray"), `#!/bin/sh\nexec "${process.execPath}" "${DRAY}" "$@"\n`);
  await chmod(path.join(folder, "dray"), 0o755);
  await writeFile(
    path.join(folder, "ci/comment.mjs"),
    await readFile(path.join(root, "packages/dray/ci/comment.mjs"), "utf8"),
  );
  await must(["npm", "pack", "--silent", "--pack-destination", vm.folder, folder]);
  return path.join(vm.folder, "drayage-9.9.9.tgz");
}

/** Runs one shell script as a runner does; `interrupt`: cancels the job once it says so. */
async function shell(
  script: string,
  { cwd, env, interrupt }: { cwd: string; env: NodeJS.ProcessEnv; interrupt?: RegExp },
): Promise<{ code: number; said: string }> {
  const file = path.join(cwd, `step-${Math.random().toString(36).slice(2)}.sh`);
  await writeFile(file, script);
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", file], { cwd, env });
  let said = "";
  const hear = (chunk: Buffer): void => {
    said += String(chunk);
    if (interrupt?.test(said) === true) child.kill("SIGINT");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? 1, said };
}

/** The action's steps in a plain shell, in their order, with a runner's files. */
async function runAction(
  vm: Vm,
  inputs: Record<string, string>,
  more: { env: NodeJS.ProcessEnv; interrupt?: RegExp },
): Promise<{ code: number; said: string; summary: string }> {
  const action = parse(await readFile(path.join(root, "action.yml"), "utf8")) as {
    inputs: Record<string, { default?: string }>;
    runs: { steps: Step[] };
  };
  const files = Object.fromEntries(["PATH", "ENV", "STEP_SUMMARY"].map((each) => [each, path.join(vm.folder, each)]));
  for (const file of Object.values(files)) await writeFile(file, "");
  const fill = (text: string): string =>
    text.replaceAll(/\$\{\{ (\S+) \}\}/g, (_all, name: string) => {
      if (name === "runner.temp") return vm.folder;
      const key = name.replace("inputs.", "");
      return inputs[key] ?? (key === name ? "" : (action.inputs[key]?.default ?? ""));
    });
  const read = async (name: string): Promise<string> => await readFile(files[name] ?? "", "utf8");
  let [code, said] = [0, ""];
  for (const step of action.runs.steps) {
    const wanted = /inputs\.command == '(\w+)'/.exec(step.if ?? "")?.[1];
    if (step.if !== "always()" && (code !== 0 || (wanted !== undefined && wanted !== inputs["command"]))) continue;
    const added = (await read("ENV")).trim().split("\n").filter(Boolean);
    const env = {
      ...more.env,
      ...Object.fromEntries(added.map((line) => line.split("=", 2))),
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, fill(value)])),
      ...Object.fromEntries(Object.entries(files).map(([key, file]) => [`GITHUB_${key}`, file])),
      PATH: `${(await read("PATH")).trim()}:${process.env["PATH"]}`,
    };
    const cwd = path.join(vm.folder, fill(step["working-directory"] ?? "."));
    const ended = await shell(step.run, { cwd, env, ...(more.interrupt === undefined ? {} : more) });
    said += ended.said;
    code ||= ended.code;
  }
  return { code, said, summary: await read("STEP_SUMMARY") };
}

test("CI: the action's steps post a plan, deploy, take back a cancelled deploy; GitLab's include does the same", async () => {
  await using vm = await startVm();
  const forge = await startForge();
  const version = await packStub(vm);
  const [key, hosts] = await Promise.all(
    ["key", "known_hosts"].map((file) => readFile(`${vm.folder}/${file}`, "utf8")),
  );
  const config = `Host ${vm.host}\n  HostName ${vm.address}\n  HostKeyAlias ${vm.host}\n  User ops\n`;
  const manifest = (image: string, more = ""): Promise<void> =>
    vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${image}\n${more}`);
  await vm.write("event.json", JSON.stringify({ pull_request: { number: 7 } }));
  const { DRAY_SSH_CONFIG: _mine, ...mine } = process.env;
  const env = { ...mine, NO_COLOR: "1", npm_config_offline: "true", DRAY_CONTROL_HOST: vm.address };
  const github = {
    ...env,
    GITHUB_ACTIONS: "true",
    GITHUB_API_URL: forge.url,
    GITHUB_REPOSITORY: "someone/models",
    GITHUB_EVENT_PATH: path.join(vm.folder, "event.json"),
    GITHUB_SHA: "0123abc",
  };
  const inputs = { version, "ssh-key": key ?? "", "known-hosts": hosts ?? "", "ssh-config": config, token: "t0ken" };
  const served = async (): Promise<unknown> => await (await fetch(`http://${vm.address}/`)).json();

  await manifest(appImage("1"));
  for (const each of ["posted", "renewed"]) {
    const planned = await runAction(vm, { ...inputs, command: "plan" }, { env: github });
    expect(planned.code, planned.said).toBe(0);
    expect(planned.said).toContain(each);
    expect(planned.summary).toContain("+ release");
  }
  expect(forge.comments).toHaveLength(1);
  expect(forge.comments[0]?.body).toContain("+ release");

  const deployed = await runAction(vm, { ...inputs, command: "deploy" }, { env: github });
  expect(deployed.code, deployed.said).toBe(0);
  expect(deployed.summary).toContain("### dray deploy");
  expect(await served()).toMatchObject({ version: "1" });

  await manifest(appImage("never-ready"), "ready: /health\n");
  const cancelled = await runAction(vm, { ...inputs, command: "deploy" }, { env: github, interrupt: /wait|ready/ });
  expect(cancelled.code, cancelled.said).toBe(130);
  expect(await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).not.toContain("\n");
  expect(await served()).toMatchObject({ version: "1" });
  expect((deployed.said + cancelled.said).includes(key?.split("\n")[1] ?? "")).toBe(false);

  await manifest(appImage("2"));
  await vm.write("more", config);
  const gitlab = {
    ...env,
    DRAY_VERSION: version,
    DRAY_SSH_KEY: path.join(vm.folder, "key"),
    DRAY_KNOWN_HOSTS: path.join(vm.folder, "known_hosts"),
    DRAY_SSH_CONFIG_MORE: path.join(vm.folder, "more"),
    DRAY_GITLAB_TOKEN: "glpat",
    DRAY_FOLDER: ".",
    DRAY_ARGUMENTS: "",
    CI_PROJECT_DIR: vm.folder,
    CI_API_V4_URL: forge.url,
    CI_PROJECT_ID: "1",
    CI_MERGE_REQUEST_IID: "3",
    CI_COMMIT_SHA: "0123abc",
  };
  const jobs = parse(await readFile(path.join(root, "ci/gitlab.yml"), "utf8")) as Record<
    string,
    { script: string[]; before_script: string[] }
  >;
  for (const job of ["dray-plan", "dray-deploy"]) {
    const lines = [...(jobs[".dray"]?.before_script ?? []), ...(jobs[job]?.script ?? [])].join("\n");
    const ended = await shell(lines, { cwd: vm.folder, env: gitlab });
    expect(ended.code, ended.said).toBe(0);
  }
  expect(forge.comments).toHaveLength(1);
  expect([...forge.tokens]).toEqual(["Bearer t0ken", "glpat"]);
  expect(await served()).toMatchObject({ version: "2" });
});
