import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/** A key as the edge knows it. */
export const hashed = (key: string): string => createHash("sha256").update(key).digest("hex");

/**
 * The folder of the keys that `dray init` made here: DRAY_CONFIG, else the platform's folder for settings. Never the
 * manifest's own folder, which is committed and built into images.
 */
function keysFolder(): string {
  const base = process.env["DRAY_CONFIG"] ?? process.env["XDG_CONFIG_HOME"] ?? path.join(homedir(), ".config");
  return path.join(base, "drayage", "keys");
}

/** Keeps a key where `dray request` finds it by its hash, readable by this user only. */
export async function keepKey(key: string): Promise<string> {
  const folder = keysFolder();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, hashed(key));
  await writeFile(file, `${key}\n`, { mode: 0o600, flag: "wx" });
  return file;
}

/** The key with this hash, where it was made on this computer. */
export async function keptKey(sha256: string): Promise<string | undefined> {
  const key = await readFile(path.join(keysFolder(), sha256), "utf8").catch(() => undefined);
  return key?.trim();
}
