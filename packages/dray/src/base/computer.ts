import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir, hostname, userInfo } from "node:os";
import path from "node:path";

/** What may be made anew lies there: DRAY_CACHE, else the platform's cache folder. */
export function cacheFolder(): string {
  const base = process.env["DRAY_CACHE"] ?? process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache");
  return path.join(base, "drayage");
}

let known: Promise<string> | undefined;

/**
 * A name of this computer that no other has: process ids of one name may be compared. Random, kept in the cache folder;
 * the host's name is in it for a folder that several computers share.
 */
async function computerId(): Promise<string> {
  known ??= readOrMake();
  return await known;
}

async function readOrMake(): Promise<string> {
  const fresh = randomBytes(8).toString("hex");
  const file = path.join(cacheFolder(), "computer");
  try {
    await mkdir(cacheFolder(), { recursive: true });
    await writeFile(file, fresh, { flag: "wx" });
  } catch {
    // Somebody was first, or nothing can be written here: then this process knows only itself.
  }
  const id = await readFile(file, "utf8").catch(() => fresh);
  return `${id.trim()}-${hostname().replaceAll(/[^\w.-]/g, "_")}`;
}

/** This process, for other processes of this computer: the computer's own name for itself, and the process's id. */
export async function thisProcess(): Promise<string> {
  return `${await computerId()}/${process.pid}`;
}

/** Has a process that called itself so ended? False where it cannot be known: on another computer. */
export async function isDead(holder: string | undefined): Promise<boolean> {
  const [computer, pid] = holder?.split("/") ?? [];
  if (computer !== (await computerId())) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    // EPERM: it lives, and is another user's.
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

/** The person at this computer, as locks and records name them. */
export function whoAmI(): string {
  return `${userInfo().username}@${hostname()}`;
}
