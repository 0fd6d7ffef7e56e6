import { lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { cacheFolder } from "../base/computer.ts";
import { Failure } from "../base/failure.ts";

/** Unix sockets have paths of 104 bytes at most (macOS); ours are 13 long, and ssh adds 17 while it makes one. */
const LONGEST = 104 - 1 - 13 - 17;

/**
 * The folder of the shared connections' sockets. Whoever can put a socket there is believed to be a machine and is given
 * secrets, so the folder must belong to this user and be closed to everybody else.
 * @throws Failure ssh.control-folder
 */
export async function controlFolder(): Promise<string> {
  const candidates = [...(await runtimeFolder()), path.join(cacheFolder(), "ssh"), ofTemporary()];
  const folder = candidates.find((each) => Buffer.byteLength(each) <= LONGEST);
  if (folder === undefined) throw unsafe(candidates[0] ?? "", "has too long a path for a socket");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory()) throw unsafe(folder, "is not a folder");
  if (found.uid !== process.getuid?.()) throw unsafe(folder, "belongs to somebody else");
  if ((found.mode & 0o077) !== 0) throw unsafe(folder, "is open to other users");
  return folder;
}

/** What the system keeps for this login. After `su` the variable may still name the folder of the user before. */
async function runtimeFolder(): Promise<string[]> {
  const base = process.env["XDG_RUNTIME_DIR"] ?? "";
  if (base === "") return [];
  const found = await lstat(base).catch(() => undefined);
  return found?.uid === process.getuid?.() ? [path.join(base, "dray")] : [];
}

/** In a folder that everybody may write to, so the name has the user's number: two users do not meet. */
const ofTemporary = (): string => path.join(tmpdir(), `dray-${process.getuid?.()}`);

function unsafe(folder: string, why: string): Failure {
  return new Failure("ssh.control-folder", `the folder for ssh's shared connections, ${folder}, ${why}`, {
    hint: "look who made it, then take it away: dray makes it anew; or name another place: XDG_RUNTIME_DIR",
  });
}
