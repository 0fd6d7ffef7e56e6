import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const root = new URL("../../", import.meta.url);

/** Lines of the README's shell blocks, without their comments. */
async function commands(program: string): Promise<string[]> {
  const readme = await readFile(new URL("README.md", root), "utf8");
  const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((match) => (match[1] ?? "").split("\n"));
  return blocks.map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => line.startsWith(`${program} `));
}

test("every dray command of the README works as it stands there", async () => {
  await using vm = await startVm();
  await vm.write("Dockerfile", `FROM ${appImage("1")}\n`);
  await must(["docker", "tag", appImage("2"), "my-api:2"]);
  const lines = await commands("dray");
  expect(lines.length).toBeGreaterThanOrEqual(8);
  for (const line of lines) {
    const argv = line.replaceAll("user@203.0.113.7", vm.host).split(/\s+/).slice(1);
    const ended = await vm.dray(...argv);
    expect(ended.code, `${line}\n${ended.stderr}`).toBe(0);
  }
  expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "2" });
});

test("every npm command of the README is run by CI", async () => {
  const ci = await readFile(new URL(".ci/run", root), "utf8");
  const lines = await commands("npm");
  expect(lines).toContain("npm test");
  for (const line of lines) expect(ci.replaceAll("--silent ", "")).toContain(line.replace(/ -- .*$/, ""));
});
