import { cp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { REGISTRY_HOST } from "../world/google/artifacts.ts";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";
import { appImage, must } from "../world/images.ts";
import { run } from "../../packages/dray/src/base/process.ts";
import { worldFolder } from "../world/owner.ts";
import { startVm } from "../world/vm.ts";

const root = new URL("../../", import.meta.url);
/** The README, and the pages whose commands begin on an empty machine, too. */
const PAGES = ["README.md", "docs/from-a-model-file.md", "docs/google-cloud.md"];
const texts = await Promise.all(PAGES.map(async (page) => await readFile(new URL(page, root), "utf8")));

/** The commands of each shell block, without their comments. */
const blocks = [...texts.join("\n").matchAll(/```sh\n([\s\S]*?)```/g)].map((match) =>
  (match[1] ?? "").split("\n").flatMap((line) => line.replace(/\s+#.*$/, "").trim() || []),
);
const drayBlocks = blocks.filter((lines) => lines.every((line) => line.startsWith("dray ")));
const installBlocks = blocks.filter((lines) => lines.some((line) => line.startsWith("npm install ")));

interface Package {
  scripts: Record<string, string>;
}

/** The one about Google's cloud is run there. */
const isCloud = (lines: readonly string[]): boolean => lines.some((line) => line.startsWith("dray machine create"));

test("the README's commands for Google's cloud work as they stand there", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  google.artifacts.rights.set(`${google.project}/models`, ["pull", "push"]);
  const manifest = (machine: string): Promise<void> =>
    laptop.write(
      "dray.yaml",
      `service: decisions\nmachine: ${machine}\nimage: ${appImage("1")}\nready: /health\ntls: off\nregistry: ${REGISTRY_HOST}/${google.project}/models\n`,
    );
  await manifest("nobody@203.0.113.7");
  const [lines = []] = drayBlocks.filter(isCloud);
  for (const line of lines) {
    // What goes back to the release before needs one.
    if (line.includes("rollback"))
      expect((await laptop.dray("deploy", "--target", "vertex", appImage("2"))).code).toBe(0);
    const ended = await laptop.dray(...line.split(/\s+/).slice(1));
    expect(ended.code, `${line}\n${ended.stderr}`).toBe(0);
    const [, made] = /machine: (\S+) in dray\.yaml/.exec(ended.stdout) ?? [];
    if (made !== undefined) await manifest(made);
  }
  expect([google.compute.instances.size, google.compute.addresses.size, google.vertex.models.size]).toEqual([0, 0, 0]);
});

const machineBlocks = drayBlocks.filter((lines) => !isCloud(lines));

test.each(machineBlocks.map((lines, index) => [lines[0] ?? "", lines, index === 0] as const))(
  "the README's commands from `%s` on work as they stand there",
  async (_first, lines, fresh) => {
    // That everything travels to a machine that has nothing is seen once.
    await using vm = await startVm("bookworm", "ops", { fresh });
    await vm.write("Dockerfile", `FROM ${appImage("1")}\n`);
    await cp(fileURLToPath(new URL("examples/decisions-onnx/model.onnx", root)), path.join(vm.folder, "model.onnx"));
    await must(["docker", "tag", appImage("2"), "my-api:2"]);
    for (const line of lines) {
      const argv = line.replaceAll("user@203.0.113.7", vm.host).split(/\s+/).slice(1);
      const ended = await vm.dray(...argv);
      expect(ended.code, `${line}\n${ended.stderr}`).toBe(0);
    }
  },
);

test("the README's installation works as it stands there, from the package that it makes", async () => {
  const prefix = await worldFolder("dray-install-");
  const env = { ...process.env, npm_config_prefix: prefix };
  const shell = async (line: string): Promise<string> => {
    const ended = await run(["sh", "-c", line], {
      signal: new AbortController().signal,
      cwd: fileURLToPath(root),
      env,
    });
    expect(ended.code, `${line}\n${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  try {
    const [[make = "", install = ""] = [], ...others] = installBlocks;
    expect([make, others]).toEqual(["npm run release -- --dry-run", []]);
    // The build is there; and the model server's library is fetched by `npm run bench -- install`.
    await shell("node scripts/release.mjs --dry-run --offline");
    await shell(install);
    expect(await shell(`${prefix}/bin/dray --version`)).toMatch(/^\d+\.\d+\.\d+\n$/);
  } finally {
    await rm(prefix, { recursive: true, force: true });
  }
});

test("no shell block of the README is left out, and every npm command is run by CI", async () => {
  const ci = await readFile(new URL(".ci/run", root), "utf8");
  const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as Package;
  // CI has set up already: it runs what comes after that in each of them.
  const work = (line: string): string => {
    const [, name = "", more = ""] = /^npm (?:run )?(\w+)(?: -- (.*))?$/.exec(line) ?? [];
    return `${scripts[name]?.replace("node scripts/bootstrap.mjs ", "")}${more === "" ? "" : ` ${more}`}`;
  };
  const npm = blocks.filter((lines) => !drayBlocks.includes(lines) && !installBlocks.includes(lines)).flat();
  expect(npm).toContain("npm test");
  expect(drayBlocks.flat().length).toBeGreaterThanOrEqual(12);
  for (const line of npm) expect(ci, line).toContain(work(line));
});
