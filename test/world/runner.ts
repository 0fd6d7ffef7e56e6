import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
import { parse } from "yaml";
import { must } from "./images.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where a runner works. */
interface Folder {
  folder: string;
}

interface Step {
  name: string;
  if?: string;
  run: string;
  env?: Record<string, string>;
  "working-directory"?: string;
}

/** What a forge's API was sent, and the comments that it has. */
export async function startForge(): Promise<{
  url: string;
  comments: { id: number; body: string }[];
  tokens: Set<string>;
}> {
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

/** A packed drayage that runs `program`: what an install puts there is the release's own affair, and is tested there. */
export async function packStub(vm: Folder, program: string): Promise<string> {
  const folder = path.join(vm.folder, "stub");
  await mkdir(path.join(folder, "ci"), { recursive: true });
  const manifest = { name: "drayage", version: "9.9.9", bin: { dray: "dray" }, files: ["ci", "dray"] };
  await writeFile(path.join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(path.join(folder, "dray"), `#!/bin/sh\nexec ${program} "$@"\n`);
  await chmod(path.join(folder, "dray"), 0o755);
  await writeFile(
    path.join(folder, "ci/comment.mjs"),
    await readFile(path.join(root, "packages/dray/ci/comment.mjs"), "utf8"),
  );
  await must(["npm", "pack", "--silent", "--pack-destination", vm.folder, folder]);
  return path.join(vm.folder, "drayage-9.9.9.tgz");
}

/** Runs one shell script as a runner does; `interrupt`: cancels the job once it says so. */
export async function shell(
  script: string,
  { cwd, env, interrupt }: { cwd: string; env: NodeJS.ProcessEnv; interrupt?: RegExp },
): Promise<{ code: number; said: string }> {
  const file = path.join(cwd, `step-${Math.random().toString(36).slice(2)}.sh`);
  await writeFile(file, script);
  const child = spawn("bash", ["--noprofile", "--norc", "-eo", "pipefail", file], { cwd, env });
  let said = "";
  const hear = (chunk: Buffer): void => {
    said += String(chunk);
    if (interrupt?.test(said) === true && !child.killed) child.kill("SIGINT");
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? 1, said };
}

/** The action's steps in a plain shell, in their order, with a runner's files. */
export async function runAction(
  vm: Folder,
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
    const ended = await shell(step.run, {
      cwd,
      env,
      ...(more.interrupt === undefined ? {} : { interrupt: more.interrupt }),
    });
    said += ended.said;
    code ||= ended.code;
  }
  return { code, said, summary: await read("STEP_SUMMARY") };
}

/** GitLab's jobs, each with what comes before it, as one script; and what comes after each. */
export async function gitlabScripts(): Promise<Record<"dray-plan" | "dray-deploy" | "after", string>> {
  type Job = { script: string[]; before_script: string[]; after_script: string[] };
  const jobs = parse(await readFile(path.join(root, "ci/gitlab.yml"), "utf8")) as Record<string, Job | undefined>;
  const all = jobs[".dray"];
  const of = (job: string): string => [...(all?.before_script ?? []), ...(jobs[job]?.script ?? [])].join("\n");
  return {
    "dray-plan": of("dray-plan"),
    "dray-deploy": of("dray-deploy"),
    after: (all?.after_script ?? []).join("\n"),
  };
}
