import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { LogFile } from "./log-file.ts";

test("a full disk costs lines of the log and is told; when there is room again the log goes on", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-log-"));
  const file = path.join(home, "logs", "access.log");
  const faults: string[] = [];
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    await mkdir(path.dirname(file));
    await symlink("/dev/full", file);
    const log = new LogFile(home, (error) => void faults.push(String(error)));
    log.write(Buffer.from("lost\n"));
    await vi.waitFor(() => expect(faults[0]).toMatch(/ENOSPC/));
    log.write(Buffer.from("lost\n"));
    expect(faults).toHaveLength(1);
    await rm(file);
    now += 6000;
    log.write(Buffer.from("kept\n"));
    await log.close();
    expect(await readFile(file, "utf8")).toBe("kept\n");
    expect(faults.at(-1)).toMatch(/bytes of it could not be kept/);
  } finally {
    clock.mockRestore();
    await rm(home, { recursive: true });
  }
});

test("a folder that cannot be made is told, and ends nothing", async () => {
  const faults: string[] = [];
  // A file is no folder.
  const log = new LogFile(fileURLToPath(import.meta.url), (error) => void faults.push(String(error)));
  for (let line = 0; line < 100; line++) log.write(Buffer.from("lost\n"));
  await log.close();
  expect(faults).toHaveLength(1);
});
