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
export async function computerId(): Promise<string> {
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
