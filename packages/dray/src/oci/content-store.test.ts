import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { ContentStore } from "./content-store.ts";

test("what waits on this computer is for its owner's eyes, also where an older dray made the folder", async () => {
  const base = await mkdtemp(path.join(tmpdir(), "dray-store-"));
  const modeOf = async (folder: string): Promise<number> => (await stat(path.join(base, folder))).mode & 0o777;
  await new ContentStore(path.join(base, "new", "sha256")).open();
  expect([await modeOf("new"), await modeOf("new/sha256")]).toEqual([0o700, 0o700]);
  await mkdir(path.join(base, "old"));
  await chmod(path.join(base, "old"), 0o755);
  await new ContentStore(path.join(base, "old")).open();
  expect(await modeOf("old")).toBe(0o700);
  await rm(base, { recursive: true });
});
