import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { REGISTRY_HOST } from "../world/google/artifacts.ts";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";
import { appImage, must } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const root = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");

/** The commands of each of the README's shell blocks, without their comments. */
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) =>
  (match[1] ?? "").split("\n").flatMap((line) => line.replace(/\s+#.*$/, "").trim() || []),
);
const drayBlocks = blocks.filter((lines) => lines.every((line) => line.startsWith("dray ")));

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

test.each(drayBlocks.filter((lines) => !isCloud(lines)).map((lines) => [lines[0] ?? "", lines] as const))(
  "the README's commands from `%s` on work as they stand there",
  async (_first, lines) => {
    await using vm = await startVm("bookworm", "ops", { fresh: true });
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

test("no shell block of the README is left out, and every npm command is run by CI", async () => {
  const ci = await readFile(new URL(".ci/run", root), "utf8");
  const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as Package;
  // CI has set up already: it runs what comes after that in each of them.
  const work = (line: string): string => {
    const [, name = "", more = ""] = /^npm (?:run )?(\w+)(?: -- (.*))?$/.exec(line) ?? [];
    return `${scripts[name]?.replace("node scripts/bootstrap.mjs ", "")}${more === "" ? "" : ` ${more}`}`;
  };
  const npm = blocks.filter((lines) => !drayBlocks.includes(lines)).flat();
  expect(npm).toContain("npm test");
  expect(drayBlocks.flat().length).toBeGreaterThanOrEqual(12);
  for (const line of npm) expect(ci, line).toContain(work(line));
});
