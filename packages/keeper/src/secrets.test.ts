import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "dray-keeper-"));
  vi.stubEnv("DRAY_SECRETS", path.join(home, "memory"));
  // It is read once, and another file of this process may have been the first.
  vi.resetModules();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  vi.resetModules();
  await rm(home, { recursive: true });
});

const fail = (where: string, error: unknown): never => {
  throw new Error(where, { cause: error });
};

test("secrets are sealed on the disk, open in memory, merged, restored, and back after a boot", async () => {
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
  await new Secrets(home).unfoldAll(fail);
  expect(await memory()).toEqual({ C: "planted-4", ".ready": "" });
  const files = (await readdir(home)).filter((name) => name !== "memory");
  expect(files).toContain("secrets-api.sealed");
  for (const name of files) expect(await readFile(path.join(home, name), "utf8")).not.toContain("planted");
  expect((await stat(path.join(home, "secrets.key"))).mode & 0o777).toBe(0o600);
});

test("what was replaced is kept until nothing goes back to it any more; of alerts never", async () => {
  const { ALERTS, Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  const kept = async (): Promise<string[]> =>
    (await readdir(home)).filter((name) => name.endsWith("rotated.sealed.last"));
  await secrets.seal("rotated", { A: "leaked" }, false);
  await secrets.seal("rotated", { A: "new" }, false);
  expect(await kept()).toEqual(["secrets-rotated.sealed.last"]);
  await secrets.settle("rotated");
  expect(await kept()).toEqual([]);
  await secrets.restore("rotated");
  expect(await secrets.values("rotated")).toEqual({ A: "new" });
  for (const url of ["a", "b"]) await secrets.seal(`${ALERTS}rotated`, { settings: url }, false);
  expect(await kept()).toEqual([]);
});

test("a container beside a service has what it names, through new values, a way back and a boot, and nothing else", async () => {
  const { Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  const seen = async (): Promise<Record<string, string>> => {
    const folder = path.join(home, "memory", "with.shop.db");
    const names = (await readdir(folder)).filter((name) => name !== ".ready");
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name), "utf8")] as const)),
    );
  };
  await secrets.seal("shop", { PIN: "1", MODEL: "m" }, false);
  await expect(secrets.share("shop", "db", ["PIN", "OTHER"])).rejects.toThrow("shop has no secret OTHER");
  await secrets.share("shop", "db", ["PIN"]);
  expect(await seen()).toEqual({ PIN: "1" });
  await secrets.seal("shop", { PIN: "2", MODEL: "n" }, false);
  expect(await seen()).toEqual({ PIN: "2" });
  await secrets.restore("shop");
  expect(await seen()).toEqual({ PIN: "1" });
  // A release that has it no more may be taken back: it is gone once nothing goes back.
  await secrets.seal("shop", { MODEL: "n" }, false);
  await secrets.restore("shop");
  expect(await seen()).toEqual({ PIN: "1" });
  await rm(path.join(home, "memory", "with.shop.db", "PIN"));
  await rm(path.join(home, "memory", "broken"), { recursive: true, force: true });
  await new Secrets(home).unfoldAll(fail);
  expect(await seen()).toEqual({ PIN: "1" });
  await secrets.seal("shop", { MODEL: "n" }, false);
  await secrets.settle("shop");
  expect(await seen()).toEqual({});
  expect(await secrets.values("with.shop.db")).toEqual({});
  await secrets.drop("shop");
  expect((await readdir(home)).filter((name) => name.includes("shop"))).toEqual([]);
});

test("what a container beside a service gets is no service's of a like name", async () => {
  const { Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  for (const service of ["with", "a", "sealed"]) await secrets.seal(service, { A: service }, false);
  await secrets.share("a", "sealed", ["A"]);
  await secrets.seal("with", { A: "again" }, false);
  await secrets.drop("sealed");
  await secrets.drop("with");
  expect(await secrets.values("with.a.sealed")).toEqual({ A: "a" });
  await secrets.share("a", "sealed", []);
  expect(await secrets.names("with.a.sealed")).toEqual([]);
  expect(await secrets.names("a")).toEqual(["A"]);
});

test("one sealed file that cannot be opened is told of, and the others are open", async () => {
  const { Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  await secrets.seal("broken", { A: "1" }, false);
  await secrets.seal("fine", { B: "2" }, false);
  await writeFile(path.join(home, "secrets-broken.sealed"), "bm8gc2VhbA==");
  await rm(path.join(home, "memory", "fine", "B"));
  const told: string[] = [];
  await new Secrets(home).unfoldAll((where) => void told.push(where));
  expect(told).toEqual(["the secrets of broken cannot be opened"]);
  expect(await readFile(path.join(home, "memory", "fine", "B"), "utf8")).toBe("2");
});

test("a service called alerts-x and the alerts of x are two things, also where a keeper before sealed them", async () => {
  const { ALERTS, Secrets } = await import("./secrets.ts");
  const secrets = new Secrets(home);
  await secrets.seal("alerts-x", { TOKEN: "of the service" }, false);
  await secrets.seal(`${ALERTS}x`, { settings: "of the alerts" }, false);
  expect(await secrets.values("alerts-x")).toEqual({ TOKEN: "of the service" });
  expect(await readFile(path.join(home, "memory", "alerts-x", "TOKEN"), "utf8")).toBe("of the service");
  await secrets.drop(`${ALERTS}x`);
  expect(await secrets.names("alerts-x")).toEqual(["TOKEN"]);

  await secrets.seal(`${ALERTS}y`, { settings: "from before" }, false);
  await rename(path.join(home, "secrets-alerts.y.sealed"), path.join(home, "secrets-alerts-y.sealed"));
  await rm(path.join(home, "memory", "broken"), { recursive: true, force: true });
  await new Secrets(home).unfoldAll(fail);
  expect(await secrets.values(`${ALERTS}y`)).toEqual({ settings: "from before" });
  expect(await secrets.names("alerts-x")).toEqual(["TOKEN"]);
});

test("keepers that make the key at the same moment have the same one", async () => {
  const { Secrets } = await import("./secrets.ts");
  const own = await mkdtemp(path.join(tmpdir(), "dray-keeper-"));
  try {
    const names = Array.from({ length: 20 }, (_, index) => `alerts.s${index}`);
    await Promise.all(names.map((name) => new Secrets(own).seal(name, { settings: name }, false)));
    for (const name of names) expect(await new Secrets(own).values(name)).toEqual({ settings: name });
    expect((await readdir(own)).filter((name) => name.startsWith("secrets.key"))).toEqual(["secrets.key"]);
  } finally {
    await rm(own, { recursive: true });
  }
});
