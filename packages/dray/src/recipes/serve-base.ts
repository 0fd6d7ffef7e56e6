import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { since } from "drayage-clock";
import type { ContentStore } from "../base/content-store.ts";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { fetchImage } from "../base/registry/fetch.ts";
import { findLogin } from "../base/registry/login.ts";
import type { Context } from "../core/context.ts";
import type { Order } from "../core/recipe.ts";
import { type Entry, type Layer, makeLayer } from "./oci/layer.ts";
import type { ServerFiles } from "./serve-runtime.ts";

/** Docker's names of processors, as Node has them. */
const PROCESSORS: Record<string, string> = { amd64: "x64", arm64: "arm64" };

/** Node's name of a processor that Docker calls `architecture`. @throws Failure image.no-base */
export function nodeName(architecture: string): string {
  const name = PROCESSORS[architecture];
  if (name !== undefined) return name;
  throw new Failure("image.no-base", `onnxruntime is not made for linux/${architecture}`, {
    hint: `there is one for ${Object.keys(PROCESSORS).join(" and ")}`,
  });
}

/** For a processor that this computer has not: Node's own image, with a C library and the C++ one that onnxruntime needs. */
const PULLED_BASE = "docker.io/library/node:20.20.2-bookworm-slim";

/** The lower layers of an image, and the environment they want. */
export interface Base {
  layers: { layer: Layer; title: string }[];
  env: string[];
}

/**
 * What the server stands on: this computer's own Node, or, for another processor or where the manifest names one, the
 * layers of an image that is fetched over HTTP. @throws Failure image.no-base
 */
export async function makeBase(
  order: Order,
  architecture: string,
  store: ContentStore,
  files: ServerFiles,
  context: Context,
): Promise<Base> {
  const own = process.platform === "linux" && process.arch === nodeName(architecture);
  if (order.base === undefined && own) {
    const layer = await makeLayer(store, await baseEntries(store, files, context));
    return { layers: [{ layer, title: `Node ${process.version} and its libraries` }], env: ["PATH=/usr/local/bin"] };
  }
  const image = order.base ?? process.env["DRAY_BASE_IMAGE"] ?? PULLED_BASE;
  const step = { step: "base", on: "here" } as const;
  const title = `fetch ${image} for linux/${architecture}`;
  const startedAt = performance.now();
  context.emit({ type: "step.started", ...step, title });
  try {
    const onBytes = (done: number, total: number): void =>
      context.emit({ type: "step.progress", ...step, done, total, unit: "bytes" });
    const { config, layers } = await fetchImage(image, architecture, store, onBytes, findLogin, context.signal);
    context.emit({ type: "step.done", ...step, title, ms: since(startedAt) });
    return { layers: layers.map((layer) => ({ layer, title: image })), env: config.config?.Env ?? [] };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    context.emit({ type: "step.failed", ...step, title, code: error.code, message: error.message });
    throw new Failure("image.no-base", `there is no base image for linux/${architecture}: ${error.message}`, {
      hint: own
        ? "without base: this computer's own Node is taken, and no registry is asked"
        : `this computer is ${process.platform} ${process.arch}, so its own Node cannot be taken; name an image with Node in /usr/local/bin/node that can be reached: base: in the manifest, or build on a computer with the machine's processor`,
      details: error.details,
      cause: error,
    });
  }
}

const PASSWD = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP = "root:x:0:\nnonroot:x:65532:\n";

/** This computer's own Node and the libraries it and onnxruntime load, and nothing else: no network and no Docker is asked. */
async function baseEntries(store: ContentStore, files: ServerFiles, context: Context): Promise<Entry[]> {
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
