import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Secrets } from "./secrets.ts";
import { moveIn, vaultOf } from "./vault.ts";

async function folders(): Promise<{ home: string; own: string }> {
  const root = await mkdtemp(path.join(tmpdir(), "dray-vault-"));
  onTestFinished(async () => await rm(root, { recursive: true }));
  const [home, own] = [path.join(root, "home"), path.join(root, "own")];
  await Promise.all([mkdir(home), mkdir(own)]);
  return { home, own };
}

const NAME = "alerts.api";

test("what an older keeper sealed beside the edge's files moves to the keeper's own volume, and can be opened there", async () => {
  const { home, own } = await folders();
  await new Secrets(home).seal(NAME, { settings: "planted" }, false);
  await writeFile(path.join(home, "state.json"), "{}");
  expect(await vaultOf(home, own)).toBe(home);
  await moveIn(home, own);
  expect(await vaultOf(home, own)).toBe(own);
  expect(await readdir(home)).toEqual(["state.json"]);
  expect(await new Secrets(own).values(NAME)).toEqual({ settings: "planted" });
  expect((await stat(path.join(own, "secrets.key"))).mode & 0o777).toBe(0o600);
  // Again, with nothing left to do.
  await moveIn(home, own);
  expect(await new Secrets(own).values(NAME)).toEqual({ settings: "planted" });
});

test("one that is ended half way goes on at its next start, and until then nothing is lost", async () => {
  const { home, own } = await folders();
  await new Secrets(home).seal(NAME, { settings: "planted" }, false);
  // Half of it was copied, and the disk was full.
  await writeFile(path.join(own, `secrets-${NAME}.sealed`), "torn");
  expect(await vaultOf(home, own)).toBe(home);
  await moveIn(home, own);
  expect(await new Secrets(own).values(NAME)).toEqual({ settings: "planted" });
  // All was copied and the key removed; what was sealed is still there.
  await writeFile(path.join(home, `secrets-${NAME}.sealed`), await readFile(path.join(own, `secrets-${NAME}.sealed`)));
  expect(await vaultOf(home, own)).toBe(own);
  await moveIn(home, own);
  expect(await readdir(home)).toEqual([]);
  expect(await new Secrets(own).values(NAME)).toEqual({ settings: "planted" });
});

test("a place of its own is not needed: what has no other volume keeps its secrets where it is", async () => {
  const { home } = await folders();
  await new Secrets(home).seal(NAME, { settings: "planted" }, false);
  await moveIn(home, home);
  expect(await vaultOf(home, home)).toBe(home);
  expect(await new Secrets(home).names(NAME)).toEqual(["settings"]);
});
