import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { must } from "./images.ts";
import { FOLDERS, isGone, OWNER_LABEL, OWNER_VARIABLE } from "./owner.ts";

/** What was removed, by kind. */
export interface Swept {
  processes: number;
  containers: number;
  networks: number;
  volumes: number;
  folders: number;
}

/**
 * Removes what runs left behind that were killed: whatever names an owner that has ended. Others may run beside this
 * one, so a thing without an owner, or with a living one, stays. `keep` names volumes that outlive their maker.
 */
export async function sweep(keep: (volume: string) => boolean): Promise<Swept> {
  // The processes first: one that still runs would make new things, or miss those that go.
  const processes = endProcesses();
  return {
    processes,
    containers: await removeOrphans(["docker", "ps", "-a"], "{{.ID}}", ["docker", "rm", "-f", "-v"]),
    networks: await removeOrphans(["docker", "network", "ls"], "{{.ID}}", ["docker", "network", "rm"]),
    volumes: await removeOrphans(["docker", "volume", "ls"], "{{.Name}}", ["docker", "volume", "rm"], keep),
    folders: await removeFolders(),
  };
}

/** A sentence about what was found, for whoever waits. */
export function sayOf(swept: Swept): string | undefined {
  const found = Object.entries(swept).filter(([, count]) => count > 0);
  if (found.length === 0) return undefined;
  return `removed what a killed run left: ${found.map(([kind, count]) => `${count} ${kind}`).join(", ")}`;
}

async function removeOrphans(
  list: readonly string[],
  name: string,
  remove: readonly string[],
  keep: (name: string) => boolean = () => false,
): Promise<number> {
  const format = `${name} {{.Label "${OWNER_LABEL}"}}`;
  const listed = await must([...list, "--filter", `label=${OWNER_LABEL}`, "--format", format]);
  const orphans = listed
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([each = "", owner = ""]) => isGone(owner) && !keep(each))
    .flatMap(([each]) => each ?? []);
  // One by one: somebody else may sweep at the same time, and what is gone already is no failure.
  const gone = await Promise.all(
    orphans.map(
      async (each) =>
        await must([...remove, each]).then(
          () => true,
          () => false,
        ),
    ),
  );
  return gone.filter(Boolean).length;
}

/** Ends what inherited the name of an owner that has ended. */
function endProcesses(): number {
  const spared = ancestors();
  const orphans = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => !spared.has(pid) && isOrphan(pid));
  return orphans.filter((pid) => kill(pid)).length;
}

function isOrphan(pid: number): boolean {
  const owner = readQuietly(`/proc/${pid}/environ`)
    .split("\0")
    .find((line) => line.startsWith(`${OWNER_VARIABLE}=`));
  return owner !== undefined && isGone(owner.slice(OWNER_VARIABLE.length + 1));
}

/** This process, and those that wait for it. */
function ancestors(): Set<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 0 && !found.has(pid);) {
    found.add(pid);
    pid = Number((readQuietly(`/proc/${pid}/stat`).split(") ").pop() ?? "").split(" ")[1] ?? 0);
  }
  return found;
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** Another user's process, or one that has just ended, cannot be read: it is not ours to judge. */
function readQuietly(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** debootstrap mounts /proc in the tree that it makes; a killed one leaves it there. */
async function unmountBelow(folder: string): Promise<void> {
  const places = readQuietly("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const place of places.filter((each) => each.startsWith(`${folder}/`)).toReversed())
    await must(["umount", place]);
}

async function removeFolders(): Promise<number> {
  if (!existsSync(FOLDERS)) return 0;
  let count = 0;
  for (const owner of readdirSync(FOLDERS).filter(isGone)) {
    const folders = readQuietly(path.join(FOLDERS, owner)).split("\n");
    for (const folder of folders.filter((each) => path.dirname(each) === tmpdir() && existsSync(each))) {
      await unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
      count++;
    }
    await rm(path.join(FOLDERS, owner), { force: true });
  }
  return count;
}
