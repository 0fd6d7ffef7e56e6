import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** Where environments wait for the next run: DRAY_CACHE, else beside the other things that tests keep. */
const CACHE = process.env["DRAY_CACHE"] ?? path.join(import.meta.dirname, "../../.dray");

/**
 * A Python with the packages of a requirements file: made from PyPI when this computer has none yet, and kept.
 * Another list is another environment.
 */
export async function pythonWith(requirements: string): Promise<string> {
  const digest = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 12);
  const folder = path.join(CACHE, "python", digest);
  const python = path.join(folder, "bin/python");
  if (existsSync(python)) return python;
  process.stdout.write(`installing ${path.basename(requirements)} into ${folder}\n`);
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(path.dirname(folder), { recursive: true });
  try {
    await execute("python3", ["-m", "venv", unfinished]);
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    await execute(path.join(unfinished, "bin/python"), [...install, "-r", requirements]);
    // An environment that is cut off half-way is never taken for a whole one; what runs is found by the folder's name.
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return python;
}

/** Runs a program to its end. @throws Error with what it printed, where it fails */
export async function runPython(python: string, argv: readonly string[]): Promise<string> {
  const { stdout } = await execute(python, [...argv], { timeout: 60_000, env: { PATH: process.env["PATH"] } });
  return stdout;
}
