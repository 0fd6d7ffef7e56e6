import { appendFileSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The environment variable that every process of a run inherits: it says whose process that is. */
export const OWNER_VARIABLE = "DRAY_WORLD_OWNER";
/** The label of every container, network and volume that a run makes here. */
export const OWNER_LABEL = "drayage-world.owner";
/** One file for each run, with a line for each of its temporary folders. */
export const FOLDERS: string = path.join(tmpdir(), "dray-world-runs");

/** What tells one process from every other one, also from a later one with the same number. */
export function ownerOf(pid: number): string {
  const started = startOf(pid);
  if (started === undefined) throw new Error(`there is no process ${pid}`);
  return [bootId(), space(), pid, started].join("-");
}

/** Whether the process that an owner names has ended. One whose processes cannot be seen from here counts as running. */
export function isGone(owner: string): boolean {
  const [boot, namespace, pid, started] = owner.split("-");
  if (started === undefined) return false;
  if (boot !== bootId()) return true;
  return namespace === space() && startOf(Number(pid)) !== started;
}

/** Says whose the things are that this process and its children make, unless its parent has said so already. */
export function claim(): string {
  return (process.env[OWNER_VARIABLE] ??= ownerOf(process.pid));
}

/** The same command of Docker's, with the owner's label on what it makes here. */
export function owned(argv: readonly string[]): readonly string[] {
  const words = argv[1] === "run" ? 2 : 3;
  const makes = /^docker (run|network create|volume create)$/.test(argv.slice(0, words).join(" "));
  if (!makes) return argv;
  return [...argv.slice(0, words), "--label", `${OWNER_LABEL}=${claim()}`, ...argv.slice(words)];
}

/** Makes a temporary folder that the next run removes if this one is killed. */
export async function worldFolder(prefix: string = "dray-world-"): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), prefix));
  mkdirSync(FOLDERS, { recursive: true });
  appendFileSync(path.join(FOLDERS, claim()), `${folder}\n`);
  return folder;
}

const bootId = (): string => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8);

/** The namespace of process numbers that this process lives in. */
const space = (): string => readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "");

/** When a process began, in the kernel's ticks; undefined when there is none, or only what is left of one. */
function startOf(pid: number): string | undefined {
  try {
    // The name in front may hold spaces and brackets itself; the state is the first word behind it.
    const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop() ?? "").split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

// CI asks for its own name, for all its steps: tsx test/world/owner.ts PID
if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${ownerOf(Number(process.argv[2]))}\n`);
