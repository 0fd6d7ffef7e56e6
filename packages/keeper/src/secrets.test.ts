import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "dray-keeper-"));
});
afterAll(async () => {
  await rm(home, { recursive: true });
});

test("secrets are sealed on the disk, open in memory, merged, restored, and back after a boot", async () => {
  vi.stubEnv("DRAY_SECRETS", path.join(home, "memory"));
  const { Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  const memory = async (): Promise<Record<string, string>> => {
    const folder = path.join(home, "memory", "api");
    const names = await readdir(folder);
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name), "utf8")] as const)),
    );
  };
  await secrets.seal("api", { A: "planted-1", B: "planted-2" }, false);
  expect(await memory()).toEqual({ A: "planted-1", B: "planted-2", ".ready": "" });
  await secrets.seal("api", { B: "planted-3" }, true);
  expect(await memory()).toEqual({ A: "planted-1", B: "planted-3", ".ready": "" });
  await secrets.restore("api");
  expect(await memory()).toMatchObject({ B: "planted-2" });
  await secrets.seal("api", { C: "planted-4" }, false);
  await rm(path.join(home, "memory", "api"), { recursive: true });
  await (await import("node:fs/promises")).mkdir(path.join(home, "memory", "api"));
  await new Secrets(home).unfoldAll();
  expect(await memory()).toEqual({ C: "planted-4", ".ready": "" });
  const files = (await readdir(home)).filter((name) => name !== "memory");
  expect(files).toContain("secrets-api.sealed");
  for (const name of files) expect(await readFile(path.join(home, name), "utf8")).not.toContain("planted");
  expect((await stat(path.join(home, "secrets.key"))).mode & 0o777).toBe(0o600);
});
