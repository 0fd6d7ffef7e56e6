import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { cacheFolder } from "./content-store.ts";

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
  const file = path.join(cacheFolder(), "computer");
  await mkdir(cacheFolder(), { recursive: true });
  // Whoever is first writes it; the others read.
  await writeFile(file, randomBytes(8).toString("hex"), { flag: "wx" }).catch(() => undefined);
  return `${(await readFile(file, "utf8")).trim()}-${hostname().replaceAll(/[^\w.-]/g, "_")}`;
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
