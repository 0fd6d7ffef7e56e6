import { existsSync, readdirSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { Component } from "./debian/layer.ts";
import type { Entry } from "./oci/layer.ts";
import { sbomEntry } from "./sbom.ts";

/** Where the model server is on this computer. */
export interface ServerFiles {
  /** The bundle's folder. */
  bundle: string;
  onnxruntime: string;
  common: string;
  versions: { server: string; onnxruntime: string };
}

/** Finds the model server that came with this program. */
export async function findServer(): Promise<ServerFiles> {
  const here = createRequire(import.meta.url);
  const manifest = here.resolve("drayage-serve/package.json");
  const there = createRequire(manifest);
  // onnxruntime's packages do not export their package.json: their entry point tells where they are.
  const packageOf = (name: string, from: NodeJS.Require): string => {
    const entry = from.resolve(name);
    return entry.slice(0, entry.lastIndexOf(`${path.sep}${name}${path.sep}`) + name.length + 1);
  };
  const onnxruntime = packageOf("onnxruntime-node", there);
  const common = packageOf("onnxruntime-common", createRequire(path.join(onnxruntime, "dist", "index.js")));
  const bundle = path.join(path.dirname(manifest), "dist", "bundle");
  if (!existsSync(path.join(bundle, "main.js"))) throw new TypeError(`no model server in ${bundle}: npm run build`);
  const version = async (file: string): Promise<string> =>
    (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
  return {
    bundle,
    onnxruntime,
    common,
    versions: { server: await version(manifest), onnxruntime: await version(path.join(onnxruntime, "package.json")) },
  };
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
export async function runtimeEntries(files: ServerFiles, processor: string): Promise<Entry[]> {
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
export async function serverEntries(files: ServerFiles, below: readonly Component[]): Promise<Entry[]> {
  const sbom = await sbomEntry(path.join(files.bundle, "sbom.cdx.json"), below);
  return [...(await tree(files.bundle, ["main.js", "assets"], "app")), sbom];
}

/** Files below a folder as entries; maps and type declarations stay behind. */
async function tree(folder: string, parts: readonly string[], to: string): Promise<Entry[]> {
  const entries: Entry[] = [];
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
