// The guides' command blocks, run as they stand there: with a machine, an image and a webhook that exist.
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../packages/dray/src/base/process.ts";
import { appImage, must } from "../world/images.ts";
import { DRAY, laptopEnv, startVm, type Vm } from "../world/vm.ts";

const KAMAL = `service: decisions
image: team/decisions
servers: [203.0.113.7]
proxy: { ssl: true, host: decisions.example.com, app_port: 8080 }
`;
/** How the machine is called on the pages. */
const THERE = /\w+@203\.0\.113\.7/g;

let vm: Vm;
const alerts: string[] = [];
const hook = http.createServer((request, answer) => {
  request.on("data", (chunk) => alerts.push(String(chunk)));
  request.once("end", () => answer.end());
});
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  vm = await startVm();
  const gateway = await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
  await once(hook.listen(0, gateway), "listening");
  env = {
    ...laptopEnv(path.join(vm.folder, "ssh_config")),
    DRAY_STATE: path.join(vm.folder, "state"),
    DRAY_CONFIG: path.join(vm.folder, "config"),
    DRAY_CONTROL_HOST: vm.address,
    HOOK: `http://${gateway}:${(hook.address() as AddressInfo).port}`,
  };
});
afterAll(async () => {
  hook.close();
  await vm[Symbol.asyncDispose]();
});

interface Guide {
  manifest: string | undefined;
  script: string;
}

/** What a page has its reader write and type; blocks below a comment that says why not are left out. */
async function guideOf(name: string): Promise<Guide> {
  const text = await readFile(fileURLToPath(new URL(`../../docs/guides/${name}.md`, import.meta.url)), "utf8");
  const here = text.replaceAll(THERE, vm.host).replaceAll("my-api:2", appImage("2"));
  const blocks = [...here.matchAll(/(?<!-->\n)^```(sh|yaml)\n([\s\S]*?)```/gm)];
  const all = (kind: string): string[] => blocks.flatMap(([, of, block = ""]) => (of === kind ? [block] : []));
  return { manifest: all("yaml")[0], script: all("sh").join("") };
}

/** Follows a page; resolves to what its commands printed. */
async function follow(name: string): Promise<string> {
  const { manifest, script } = await guideOf(name);
  if (manifest !== undefined) await vm.write("dray.yaml", manifest);
  const names = [
    `dray() { "${process.execPath}" "${DRAY}" "$@"; }`,
    'ssh() { command ssh -F "$DRAY_SSH_CONFIG" "$@"; }',
  ];
  const options = { cwd: vm.folder, env, signal: new AbortController().signal };
  const ended = await run(["sh", "-ec", [...names, "set -v", script].join("\n")], options);
  expect(ended.code, `${ended.stdout}\n${ended.stderr}`).toBe(0);
  return ended.stdout;
}

/** Takes the service of the page before away: a closed one would not open by itself. */
const clear = async (): Promise<void> => {
  const ended = await vm.dray("remove", "--yes");
  expect(ended.code, ended.stderr).toBe(0);
};

test("from docker run: a container that was started by hand becomes a release that serves in its place", async () => {
  const [image, name] = [appImage("1"), "my-api"];
  await must(["sh", "-c", `docker save ${image} | docker exec -i ${vm.host} docker load`]);
  await vm.inside("docker", "run", "-d", "--name", name, "-p", "80:8080", "-e", "POLITE=1", image);
  expect(await follow("from-docker-run")).toMatch(/GET .* -> 200/);
  expect(await readFile(path.join(vm.folder, "dray.yaml"), "utf8")).toContain("POLITE");
  await clear();
});

test("keys: a caller is let in by name, listed, and shut out", async () => {
  const said = await follow("keys");
  expect(said).toMatch(/^partners\b/m);
  const answers = ["/", "/health"].map(async (at) => (await fetch(`http://${vm.address}${at}`)).status);
  expect(await Promise.all(answers)).toEqual([401, 200]);
  await clear();
});

test("secrets: names are listed, and a new value reaches the container", async () => {
  await vm.write("password.txt", "the-first");
  const said = await follow("secrets");
  expect(said).toContain("API_TOKEN");
  expect(said).not.toMatch(/the-first|from-a-vault/);
  const inside = await vm.dray("exec", "--", "printenv", "DB_PASSWORD", "API_TOKEN");
  expect(inside.stdout).toBe("another\nfrom-a-vault\n");
  await clear();
});

test("metrics and alerts: requests are counted, and the machine's alert arrives", async () => {
  expect(await follow("metrics")).toMatch(/"requests": 2\d/);
  expect(await follow("alerts")).toContain(vm.host);
  expect(alerts.join("")).toContain("test");
});

test("from Kamal: its configuration becomes a manifest", async () => {
  await mkdir(path.join(vm.folder, "config"), { recursive: true });
  await vm.write("config/deploy.yml", KAMAL);
  await must(["rm", path.join(vm.folder, "dray.yaml")]);
  await follow("from-kamal");
  expect(await readFile(path.join(vm.folder, "dray.yaml"), "utf8")).toContain("domain: decisions.example.com");
});
