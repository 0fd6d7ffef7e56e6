import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { within } from "drayage-clock";
import type { ContentStore } from "../../oci/content-store.ts";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import { findInIndex, type LockedFile } from "./index-file.ts";
import type { Architecture, LockedSet } from "./locked.ts";

/** Debian's archive, where the packages of our own images come from. A mirror: DRAY_DEBIAN_ARCHIVE. */
export const ARCHIVE: string = process.env["DRAY_DEBIAN_ARCHIVE"] ?? "https://deb.debian.org/debian";

/** A package's bytes, and what they turned out to be. */
export interface FetchedPackage {
  name: string;
  file: LockedFile;
  bytes: Buffer;
}

/** One file of the archive comes within this time, or never. */
const FILE_MS = 120_000;

/**
 * Fetches the packages of a set. The bytes are those that the lock names. Where Debian's archive no longer has one of
 * them, all are the newest of the suite, since packages of one day fit together, and a warning says so.
 * @throws Failure image.no-parts
 */
export async function fetchSet(
  set: LockedSet,
  architecture: Architecture,
  store: ContentStore,
  context: Context,
): Promise<FetchedPackage[]> {
  const names = Object.keys(set[architecture]);
  const locked = names.map((name) => fileOf(set, architecture, name));
  const fetched = await fetchFiles(locked, store, context);
  const gone = names.filter((_name, index) => fetched[index] === undefined);
  if (gone.length === 0) return named(names, locked, fetched);
  const newest = await newestOf(set.suite, architecture, names, context);
  const text = `Debian's archive no longer has the ${gone.join(", ")} that this version of Drayage was tested with; the newest of ${set.suite} was taken`;
  context.emit({ type: "warning", text });
  return named(names, newest, await fetchFiles(newest, store, context));
}

function fileOf(set: LockedSet, architecture: Architecture, name: string): LockedFile {
  const file = set[architecture][name];
  if (file === undefined) throw new TypeError(`${name} is not in the lock for ${architecture}`);
  return file;
}

function named(
  names: readonly string[],
  files: readonly LockedFile[],
  bytes: readonly (Buffer | undefined)[],
): FetchedPackage[] {
  return files.map((file, index) => {
    const content = bytes[index];
    if (content === undefined) throw noParts(`Debian's archive has no ${file.path}`);
    return { name: names[index] ?? "", file, bytes: content };
  });
}

async function fetchFiles(
  files: readonly LockedFile[],
  store: ContentStore,
  context: Context,
): Promise<(Buffer | undefined)[]> {
  return await Promise.all(files.map(async (file) => await fetchFile(file, store, context)));
}

/** The file's bytes, out of the cache or the archive; undefined when the archive has it no longer. */
async function fetchFile(file: LockedFile, store: ContentStore, context: Context): Promise<Buffer | undefined> {
  const digest = `sha256:${file.sha256}`;
  if ((await store.size(digest)) === file.size) return await store.bytes(digest);
  const bytes = await get(file.path, context);
  if (bytes === undefined) return undefined;
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== file.sha256) throw noParts(`${file.path} came with other bytes than the lock names (sha256 ${hash})`);
  await store.put(bytes);
  return bytes;
}

/** The suite's own index is trusted as far as the connection is: only https will do. */
async function newestOf(
  suite: string,
  architecture: Architecture,
  names: readonly string[],
  context: Context,
): Promise<LockedFile[]> {
  if (!ARCHIVE.startsWith("https://")) throw noParts("the archive no longer has what the lock names");
  const packed = await get(`dists/${suite}/main/binary-${architecture}/Packages.gz`, context);
  if (packed === undefined) throw noParts(`Debian's archive has no ${suite} for ${architecture}`);
  const index = gunzipSync(packed).toString("utf8");
  return names.map((name) => {
    const found = findInIndex(index, name);
    if (found === undefined) throw noParts(`Debian's ${suite} has no ${name} for ${architecture}`);
    return found;
  });
}

async function get(path: string, context: Context): Promise<Buffer | undefined> {
  try {
    return await within(FILE_MS, context.signal, async (signal) => {
      const answer = await fetch(`${ARCHIVE}/${path}`, { signal });
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      return Buffer.from(await answer.arrayBuffer());
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw noParts(`Debian's archive cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, error);
  }
}

/** A part of an image of ours could not be had. */
export function noParts(message: string, cause?: unknown): Failure {
  return new Failure("image.no-parts", message, {
    hint: "the parts are fetched once and kept: run the command again with a way out, or name a mirror in DRAY_DEBIAN_ARCHIVE",
    cause,
  });
}
