import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const root = new URL("../../", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");

/** The commands of each of the README's shell blocks, without their comments. */
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) =>
  (match[1] ?? "").split("\n").flatMap((line) => line.replace(/\s+#.*$/, "").trim() || []),
);
const drayBlocks = blocks.filter((lines) => lines.every((line) => line.startsWith("dray ")));

test.each(drayBlocks.map((lines) => [lines[0] ?? "", lines] as const))(
  "the README's commands from `%s` on work as they stand there",
  async (_first, lines) => {
    await using vm = await startVm();
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
  const npm = blocks.filter((lines) => !drayBlocks.includes(lines)).flat();
  expect(npm).toContain("npm test");
  expect(drayBlocks.flat().length).toBeGreaterThanOrEqual(12);
  for (const line of npm) expect(ci.replaceAll("--silent ", "")).toContain(line);
});
