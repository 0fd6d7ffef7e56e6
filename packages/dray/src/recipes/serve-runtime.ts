import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import type { ContentStore } from "../base/content-store.ts";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import type { Context } from "../core/context.ts";
import type { Entry } from "./oci/layer.ts";

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

const PASSWD = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP = "root:x:0:\nnonroot:x:65532:\n";

/** This computer's own Node and the libraries it and onnxruntime load, and nothing else: no network and no Docker is asked. */
export async function baseEntries(store: ContentStore, files: ServerFiles, context: Context): Promise<Entry[]> {
  const libraries = await sharedObjects(store, files, context);
  const copied = await Promise.all(
    libraries.map(async (library): Promise<Entry> => ({
      path: library.slice(1),
      mode: 0o755,
      from: await realpath(library),
    })),
  );
  return [
    ...copied,
    { path: "usr/local/bin/node", mode: 0o755, from: await realpath(process.execPath) },
    { path: "etc/passwd", mode: 0o644, content: Buffer.from(PASSWD) },
    { path: "etc/group", mode: 0o644, content: Buffer.from(GROUP) },
    { path: "tmp", mode: 0o1777, folder: true },
  ];
}

/** What Node says it has loaded, onnxruntime with it (process.report, "sharedObjects"). */
async function sharedObjects(store: ContentStore, files: ServerFiles, context: Context): Promise<string[]> {
  const { size, mtimeMs } = await stat(process.execPath);
  const key = createHash("sha256")
    .update(JSON.stringify(["libraries", process.execPath, size, mtimeMs, files]))
    .digest("hex");
  const known = await store.recall(key);
  if (known !== undefined) return JSON.parse(known) as string[];
  const script = `require(${JSON.stringify(files.onnxruntime)}); JSON.stringify(process.report.getReport().sharedObjects)`;
  const ended = await run([process.execPath, "-p", script], { signal: context.signal });
  if (ended.code !== 0) {
    throw new Failure("image.build-failed", "the model server's runtime does not load on this computer", {
      hint: "onnxruntime needs Linux with glibc to make an image from; on another system build with a Dockerfile: build: .",
      details: ended.stderr.trim().split("\n").slice(-5),
    });
  }
  const all = JSON.parse(ended.stdout) as string[];
  const libraries = all.filter(
    (library) => library.startsWith("/") && !library.startsWith(files.onnxruntime) && existsSync(library),
  );
  await store.remember(key, JSON.stringify(libraries));
  return libraries;
}

/** onnxruntime, for this computer's processor only. */
export async function runtimeEntries(files: ServerFiles): Promise<Entry[]> {
  const folders = await readdir(path.join(files.onnxruntime, "bin"));
  const native = folders
    .map((folder) => path.join("bin", folder, "linux", process.arch))
    .filter((folder) => existsSync(path.join(files.onnxruntime, folder)));
  return [
    ...(await tree(files.onnxruntime, ["package.json", "dist", ...native], "app/node_modules/onnxruntime-node")),
    ...(await tree(files.common, ["package.json", "dist"], "app/node_modules/onnxruntime-common")),
  ];
}

/** The bundled server, its pages, and the list of what is in it. */
export async function serverEntries(files: ServerFiles): Promise<Entry[]> {
  return await tree(files.bundle, ["main.js", "assets", "sbom.cdx.json"], "app");
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
