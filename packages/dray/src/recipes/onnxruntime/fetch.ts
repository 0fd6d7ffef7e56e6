import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { within } from "drayage-clock";
import { cacheFolder } from "../../base/computer.ts";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import { openArchive, type OpenArchive } from "../npm.ts";
import { reasonOf } from "../reason.ts";
import { told } from "../told.ts";
import { COMMON, type LockedPackage, ONNXRUNTIME } from "./lock.ts";
import { type Keep, unpack } from "./unpack.ts";

/** An operating system and processor, as Node names them: `linux/x64`. */
export type System = `${string}/${string}`;

export const THIS_SYSTEM: System = `${process.platform}/${process.arch}`;

/** 114 MB, also over a slow link. */
const FETCH_MS = 1_800_000;
/** onnxruntime's folder of native files. */
const NATIVE = "bin/napi-v6";

export interface Runtime {
  onnxruntime: string;
  common: string;
}

/** From where it comes and to where; tests have their own. */
export interface RuntimeSource {
  open: OpenArchive;
  packages: readonly [LockedPackage, LockedPackage];
  folder: string;
}

const SOURCE = (): RuntimeSource => ({
  open: openArchive,
  packages: [ONNXRUNTIME, COMMON],
  folder: path.join(cacheFolder(), `onnxruntime-${ONNXRUNTIME.version}`),
});

/**
 * onnxruntime for the systems named, fetched at its first use. Its package holds every system's libraries (288 MB): it is
 * read as a stream, and only the files of these systems are written. @throws Failure image.no-parts
 */
export async function fetchRuntime(
  systems: readonly System[],
  context: Context,
  source: RuntimeSource = SOURCE(),
): Promise<Runtime> {
  const modules = path.join(source.folder, "node_modules");
  const [main, common] = source.packages;
  const at: Runtime = { onnxruntime: path.join(modules, main.name), common: path.join(modules, common.name) };
  if (!existsSync(at.common)) {
    await fetched(common, anything, { context, source }, async (folder) => await settle(folder, at.common));
  }
  const missing = systems.filter((system) => !existsSync(path.join(at.onnxruntime, NATIVE, system)));
  if (missing.length === 0) return at;
  const keep: Keep = (file) =>
    /^(package\.json|dist\/[\w-]+\.js)$/.test(file) || missing.some((each) => file.startsWith(`${NATIVE}/${each}/`));
  await fetched(main, keep, { context, source }, async (folder) => {
    await checkSystems(folder, missing);
    await settle(folder, at.onnxruntime);
    // Where the package was here already, for another system, the rest of it stays as it is.
    for (const system of missing)
      await settle(path.join(folder, NATIVE, system), path.join(at.onnxruntime, NATIVE, system));
  });
  return at;
}

const anything: Keep = (file) => !/\.(map|d\.ts|md)$/.test(file);

/** Gives a folder its place. Another run of dray may have been first, with the same files. */
async function settle(folder: string, to: string): Promise<void> {
  if (existsSync(to)) return;
  await mkdir(path.dirname(to), { recursive: true });
  await rename(folder, to).catch((error: unknown) => {
    if (!existsSync(to)) throw error;
  });
}

async function checkSystems(folder: string, systems: readonly System[]): Promise<void> {
  const lacking = systems.find((system) => !existsSync(path.join(folder, NATIVE, system)));
  if (lacking === undefined) return;
  await rm(folder, { recursive: true, force: true });
  throw new Failure("image.no-base", `onnxruntime is not made for ${lacking}`, {
    hint: "run dray on Linux, macOS or Windows, on x64 or arm64; or deploy an image with a server of your own",
  });
}

/** Fetches a package into a folder beside its place, checks it, and hands it over. @throws Failure image.no-parts */
async function fetched(
  locked: LockedPackage,
  keep: Keep,
  { context, source }: Work,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const name = `${locked.name} ${locked.version}`;
  // Programs are started from here, so nobody else may write into it.
  await mkdir(source.folder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(path.join(source.folder, "incoming-"));
  try {
    await told("onnxruntime", `fetch ${name}, once`, context, async () => {
      const integrity = await download(locked, keep, folder, { context, source });
      if (integrity !== locked.integrity) throw noRuntime(`${name} arrived with other bytes than the lock names`);
    });
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Work {
  context: Context;
  source: RuntimeSource;
}

async function download(locked: LockedPackage, keep: Keep, to: string, { context, source }: Work): Promise<string> {
  try {
    return await within(FETCH_MS, context.signal, async (signal) => {
      await using archive = await source.open(locked.name, locked.version, signal);
      const total = archive.size;
      return await unpack(archive.bytes, keep, to, (done) => {
        if (total === undefined) return;
        context.emit({ type: "step.progress", step: "onnxruntime", on: "here", done, total, unit: "bytes" });
      });
    });
  } catch (error) {
    context.signal.throwIfAborted();
    throw noRuntime(`${locked.name} ${locked.version} cannot be fetched: ${reasonOf(error)}`, error);
  }
}

function noRuntime(message: string, cause?: unknown): Failure {
  return new Failure("image.no-parts", message, {
    hint: `the model server needs it once: run the command again with a way to npm's registry (npm ping), or install it beside dray: npm install -g ${ONNXRUNTIME.name}@${ONNXRUNTIME.version}`,
    cause,
  });
}
