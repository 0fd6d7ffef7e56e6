import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { lastLines } from "./log.ts";
import { HOME } from "./state.ts";

/** What the script prints where the access log is these files, the newest first; undefined: it is not there. */
async function printed(tail: number | "all", files: readonly (string | undefined)[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-log-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [index, text] of files.entries())
    if (text !== undefined)
      await writeFile(path.join(folder, index === 0 ? "access.log" : `access.log.${index}`), text);
  const script = lastLines(tail).replaceAll(`${HOME}/logs`, folder);
  return (await promisify(execFile)("bash", ["-c", script], { maxBuffer: 1e9 })).stdout;
}

test("the last lines of the access log, over the turn of its files, oldest first", async () => {
  const files = ["e * 5\nf\n", "c\nd\n", "a\nb\n"];
  expect(await printed(1, files)).toBe("f\n");
  expect(await printed(3, files)).toBe("d\ne * 5\nf\n");
  expect(await printed(9, files)).toBe("a\nb\nc\nd\ne * 5\nf\n");
  expect(await printed("all", files)).toBe("a\nb\nc\nd\ne * 5\nf\n");
  expect(await printed(3, ["", "c\nd\n"])).toBe("c\nd\n");
  // In the middle of a turn.
  expect(await printed(3, [undefined, "c\nd\n", "a\nb\n"])).toBe("b\nc\nd\n");
  expect(await printed(0, files)).toBe("");
  expect(await printed(3, [])).toBe("");
});

// Read byte by byte it takes the machine half a minute, with each trace and each deploy.
test("a full log is no burden", { timeout: 10_000 }, async () => {
  const full = `${"x".repeat(350)}\n`.repeat(45_000);
  expect(await printed(20, [full, full])).toHaveLength(20 * 351);
});
