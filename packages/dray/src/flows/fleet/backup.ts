import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../base/failure.ts";
import type { Secret } from "../../base/secret.ts";
import type { BackedUp } from "../../contract/answers.ts";
import type { Place } from "../../contract/place.ts";
import type { VerbSession } from "../../contract/target.ts";
import { onEach } from "./fleet.ts";
import { hostsOf, type Whose } from "./hosts.ts";

/** How computers are backed up. */
export interface BackupOptions {
  /** A folder on this computer; a file for each computer comes into it. */
  folder: string;
  /** What opens the files again. */
  passphrase: Secret;
  /** What services keep in volumes comes along, too. */
  data: boolean;
}

/** A computer's backup, and the file that it is in. */
export type BackupFile = BackedUp & { file: string };

/** Writes a sealed file for each computer; one that fails leaves none. @throws Failure backup.nothing, usage.invalid, backup.unwritable */
export async function backUpHosts(whose: Whose, options: BackupOptions, session: VerbSession): Promise<BackupFile[]> {
  const { hosts, places } = hostsOf(whose, session);
  await mkdir(options.folder, { recursive: true }).catch((error: unknown) => {
    throw unwritable(options.folder, error);
  });
  return await onEach(places, 1, async (place) => {
    const file = path.join(options.folder, fileName(place));
    const take = async (archive: Readable): Promise<void> => await write(archive, file, options.passphrase);
    return { ...(await hosts.backUp(place, { data: options.data }, take, session)), file };
  });
}

/** `dray-vm-1-20261130T191500Z.tar.age`: a name says whose it is, and when it was. */
function fileName({ name }: Place): string {
  const when = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `dray-${name.replaceAll(/[^\w.-]/g, "_")}-${when}.tar.age`;
}

async function write(archive: Readable, file: string, passphrase: Secret): Promise<void> {
  const half = `${file}.part`;
  try {
    const { seal } = await sealing();
    const sealed = await seal(archive, passphrase);
    await pipeline(sealed, createWriteStream(half, { mode: 0o600, flags: "wx" }));
    await rename(half, file);
  } catch (error) {
    archive.destroy();
    await rm(half, { force: true });
    throw isOfDisk(error) ? unwritable(file, error) : error;
  }
}

const isOfDisk = (error: unknown): boolean =>
  ["ENOSPC", "EACCES", "EEXIST", "EROFS", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

function unwritable(file: string, cause: unknown): Failure {
  return new Failure("backup.unwritable", `${file} cannot be written: ${(cause as Error).message}`, {
    hint: "name another folder: dray machine backup --out FOLDER",
    cause,
  });
}

/** The file of a backup, and what opens it. */
export interface RestoreOptions {
  file: string;
  passphrase: Secret;
}

/** Puts a backup on one computer. @throws Failure backup.in-use, backup.unreadable, sealed.unreadable */
export async function restoreHost(
  whose: Whose,
  { file, passphrase }: RestoreOptions,
  session: VerbSession,
): Promise<BackedUp> {
  const { hosts, places } = hostsOf(whose, session);
  const [place, another] = places;
  if (place === undefined || another !== undefined)
    throw new Failure("usage.invalid", "a backup goes to one machine", {
      hint: `which one: dray machine restore ${file} user@host`,
    });
  const { unreadable, unseal } = await sealing();
  const archive = await unseal(await opened(file), passphrase);
  let broken: unknown;
  archive.once("error", (error) => (broken = error));
  return await hosts.restore(place, archive, session).catch((error: unknown) => {
    // A file that is damaged in its middle ends the archive; the reason is the file's.
    throw broken === undefined || error instanceof Failure ? error : unreadable(broken);
  });
}

/** Loaded where it is needed: no other command has use for its ciphers. */
const sealing = async (): Promise<typeof import("../../base/sealed.ts")> => await import("../../base/sealed.ts");

async function opened(file: string): Promise<Readable> {
  const bytes = createReadStream(file);
  await new Promise((resolve, reject) => {
    bytes.once("open", resolve);
    bytes.once("error", (error) =>
      reject(new Failure("backup.unreadable", `${file} cannot be read`, { hint: "is the path right?", cause: error })),
    );
  });
  return bytes;
}
