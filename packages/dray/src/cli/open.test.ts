import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { openPrivately } from "./open.ts";

test.skipIf(process.platform !== "linux")(
  "an address with a secret is in no command line, and in a file that only its user can read",
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "dray-opener-"));
    const before = process.env["PATH"];
    await writeFile(path.join(folder, "xdg-open"), `#!/bin/sh\necho "$@" > ${folder}/argv\n`);
    await chmod(path.join(folder, "xdg-open"), 0o755);
    process.env["PATH"] = `${folder}:${before}`;
    try {
      const opened = await openPrivately("http://127.0.0.1:1/#the-secret");
      const argv = async (): Promise<string> =>
        (await readFile(path.join(folder, "argv"), "utf8").catch(() => "")).trim();
      await expect.poll(argv).toMatch(/open\.html$/);
      const file = await argv();
      expect(file).not.toContain("the-secret");
      expect(await readFile(file, "utf8")).toContain("the-secret");
      expect((await stat(file)).mode & 0o077).toBe(0);
      await opened[Symbol.asyncDispose]();
      await expect(stat(file)).rejects.toThrow("ENOENT");
    } finally {
      process.env["PATH"] = before;
      await rm(folder, { recursive: true });
    }
  },
);
