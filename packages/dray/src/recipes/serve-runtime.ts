import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { cp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { Context } from "../core/context.ts";
import type { Component } from "./debian/layer.ts";
import type { LayerEntry } from "../oci/layer.ts";
import { fetchRuntime, THIS_SYSTEM, type Runtime, type System } from "./onnxruntime/fetch.ts";
import { ONNXRUNTIME } from "./onnxruntime/lock.ts";
import { findProgram } from "./programs.ts";
import { sbomEntry } from "./sbom.ts";

/** Where the model server is on this computer. */
export interface ServerFiles extends Runtime {
  /** The bundle's folder. */
  bundle: string;
  versions: { server: string; onnxruntime: string };
}

/**
 * Finds the model server that came with this program, and the onnxruntime that it runs on: the one that is installed
 * beside it, as in a checkout, else one that is fetched at the first use. `processor`: of a Linux image that it goes into.
 * @throws Failure image.no-parts
 */
export async function findServer(context: Context, processor?: string): Promise<ServerFiles> {
  const { folder, manifest } = findProgram("serve");
  const versions = { server: await versionIn(manifest), onnxruntime: ONNXRUNTIME.version };
  const installed = await installedBeside(path.join(folder, "main.js"));
  if (installed !== undefined) return { bundle: folder, ...installed, versions };
  const runtime = await fetchRuntime(systemsFor(processor), context);
  return { bundle: await copyBeside(runtime, folder), ...runtime, versions };
}

/** Images are Linux's: another system keeps both of its processors' libraries, so that the package is fetched once. */
function systemsFor(processor: string | undefined): System[] {
  if (process.platform !== "linux") return [THIS_SYSTEM, "linux/x64", "linux/arm64"];
  return [...new Set<System>([THIS_SYSTEM, ...(processor === undefined ? [] : [`linux/${processor}` as const])])];
}

async function versionIn(file: string): Promise<string> {
  return (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
}

/** The onnxruntime that Node finds from a file on; none where it is not there, or of another version. */
async function installedBeside(main: string): Promise<Runtime | undefined> {
  // onnxruntime's packages do not export their package.json: their entry point tells where they are.
  const packageOf = (name: string, from: string): string => {
    const entry = createRequire(from).resolve(name);
    return entry.slice(0, entry.lastIndexOf(`${path.sep}${name}${path.sep}`) + name.length + 1);
  };
  try {
    const onnxruntime = packageOf("onnxruntime-node", main);
    if ((await versionIn(path.join(onnxruntime, "package.json"))) !== ONNXRUNTIME.version) return undefined;
    return { onnxruntime, common: packageOf("onnxruntime-common", path.join(onnxruntime, "dist", "index.js")) };
  } catch {
    return undefined;
  }
}

/** Node looks for packages beside a program and above it: the server runs from a copy that has onnxruntime there. */
async function copyBeside(runtime: Runtime, bundle: string): Promise<string> {
  const hash = createHash("sha256").update(await readFile(path.join(bundle, "main.js")));
  const to = path.resolve(runtime.onnxruntime, "..", "..", `serve-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(to)) return to;
  const copy = `${to}.${process.pid}`;
  await cp(bundle, copy, { recursive: true });
  await rename(copy, to).catch(async (error: unknown) => {
    await rm(copy, { recursive: true, force: true });
    if (!existsSync(to)) throw error;
  });
  return to;
}

/** The server's own executable script. */
export function serverScript(files: ServerFiles): string {
  return path.join(files.bundle, "main.js");
}

/** Did onnxruntime's install script bring the CUDA provider? */
export function hasCuda(files: ServerFiles): boolean {
  const folder = path.join(files.onnxruntime, "bin");
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).some((name) =>
    name.endsWith("libonnxruntime_providers_cuda.so"),
  );
}

/** onnxruntime, for one processor only (`x64`, `arm64`): its package brings them all. */
export async function runtimeEntries(files: ServerFiles, processor: string): Promise<LayerEntry[]> {
  const folders = await readdir(path.join(files.onnxruntime, "bin"));
  const native = folders
    .map((folder) => path.join("bin", folder, "linux", processor))
    .filter((folder) => existsSync(path.join(files.onnxruntime, folder)));
  return [
    ...(await tree(files.onnxruntime, ["package.json", "dist", ...native], "app/node_modules/onnxruntime-node")),
    ...(await tree(files.common, ["package.json", "dist"], "app/node_modules/onnxruntime-common")),
  ];
}

/** The bundled server, its pages, and the list of what is in it and `below` it. */
export async function serverEntries(files: ServerFiles, below: readonly Component[]): Promise<LayerEntry[]> {
  const sbom = await sbomEntry(path.join(files.bundle, "sbom.cdx.json"), below);
  return [...(await tree(files.bundle, ["main.js", "assets"], "app")), sbom];
}

/** Files below a folder as entries; maps and type declarations stay behind. */
async function tree(folder: string, parts: readonly string[], to: string): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  for (const part of parts) {
    const at = path.join(folder, part);
    if (!existsSync(at)) continue;
    const below = (await stat(at)).isDirectory()
      ? (await readdir(at, { recursive: true })).map((name) => path.join(part, name))
      : [part];
    for (const name of below) {
      const from = path.join(folder, name);
      if (/\.(map|d\.ts|d\.cts)$/.test(name) || (await stat(from)).isDirectory()) continue;
      entries.push({ path: `${to}/${name}`, mode: /\.(so|node)(\.|$)/.test(name) ? 0o755 : 0o644, from });
    }
  }
  return entries;
}
