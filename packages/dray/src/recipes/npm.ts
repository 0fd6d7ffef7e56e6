import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { run } from "../base/process.ts";

/** A package's archive on its way; `size` is unknown where the registry does not say it. */
export interface Archive extends AsyncDisposable {
  bytes: Readable;
  size: number | undefined;
}

/** Opens the archive of a package; of one version, whose name has no scope. */
export type OpenArchive = (name: string, version: string, signal: AbortSignal) => Promise<Archive>;

/** Has npm put a package's archive into a folder; its file is the answer. npm knows the user's registry, proxy and login. */
export async function npmPack(
  spec: string,
  folder: string,
  signal: AbortSignal,
  flags: readonly string[] = [],
): Promise<string> {
  const argv = ["npm", "pack", "--silent", "--pack-destination", folder, ...flags, spec];
  const ended = await run(argv, { signal, cwd: folder });
  if (ended.code !== 0) throw new Error(ended.stderr.trim().split("\n").at(0) || `npm ended with ${ended.code}`);
  return path.join(folder, ended.stdout.trim().split("\n").at(-1) ?? "");
}

/**
 * Streams the archive from the registry that npm is set to. A registry that is behind a proxy or a login does not answer
 * to that: then npm fetches it, into a folder that goes with the archive.
 */
export const openArchive: OpenArchive = async (name, version, signal) => {
  const streamed = await fromRegistry(name, version, signal).catch((error: unknown) => Promise.resolve({ error }));
  if (!("error" in streamed)) return streamed;
  signal.throwIfAborted();
  return await fromNpm(`${name}@${version}`, signal).catch(() => {
    signal.throwIfAborted();
    // npm says less about it, and later.
    throw streamed.error;
  });
};

async function fromRegistry(name: string, version: string, signal: AbortSignal): Promise<Archive> {
  const ended = await run(["npm", "config", "get", "registry"], { signal });
  const registry = ended.stdout.trim().replace(/\/*$/, "/");
  const answer = await fetch(new URL(`${name}/-/${name}-${version}.tgz`, registry), { signal });
  if (!answer.ok || answer.body === null) throw new Error(`the registry answered ${answer.status}`);
  const bytes = Readable.fromWeb(answer.body);
  const size = Number(answer.headers.get("content-length") ?? Number.NaN);
  return {
    bytes,
    size: Number.isNaN(size) ? undefined : size,
    [Symbol.asyncDispose]: async () => await Promise.resolve(void bytes.destroy()),
  };
}

async function fromNpm(spec: string, signal: AbortSignal): Promise<Archive> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-npm-"));
  const remove = async (): Promise<void> => await rm(folder, { recursive: true, force: true });
  try {
    const bytes = createReadStream(await npmPack(spec, folder, signal, ["--fetch-retries=0"]));
    return { bytes, size: undefined, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
