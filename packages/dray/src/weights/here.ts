import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { hashOfAll } from "drayage-keeper";
import { ContentStore } from "../oci/content-store.ts";
import { Failure } from "../base/failure.ts";
import type { WeightsFile } from "../core/weights.ts";
import { noFiles } from "./ask-json.ts";
import { isWanted, type Pinned, type WeightsAsked, type WeightsSource } from "./source.ts";

/** A file or a folder of this computer: carried over ssh, like an image without a registry. */
export const here: WeightsSource = { schemes: ["file"], pin };

type Hashed = WeightsFile & { sha256: string };

async function pin({ from, sha256, folder, only }: WeightsAsked, signal: AbortSignal): Promise<Pinned> {
  const root = path.resolve(folder, from.replace(/^file:\/\//, ""));
  const files = await hashed(root, only, signal);
  const id = hashOfAll(files);
  const [first] = files;
  const single = first !== undefined && files.length === 1 && path.basename(root) === first.path;
  const found = single ? first.sha256 : id;
  if (sha256 !== undefined && sha256 !== found && sha256 !== id)
    throw new Failure("weights.mismatch", `${from} has the sha256 ${found}, not ${sha256}`, {
      hint: "if this content is meant, name its hash, or none: a file of this computer needs none",
    });
  return { id, from, open: async () => await Promise.resolve(files) };
}

async function hashed(root: string, only: WeightsAsked["only"], signal: AbortSignal): Promise<Hashed[]> {
  const found = await stat(root).catch((error: unknown) => {
    throw new Failure("weights.missing", `there are no weights at ${root}`, {
      hint: "the path counts from the manifest's folder",
      cause: error,
    });
  });
  const all = found.isDirectory() ? await below(root) : [path.basename(root)];
  const names = all.filter((name) => isWanted(name, only));
  if (names.length === 0) throw noFiles(root);
  const folder = found.isDirectory() ? root : path.dirname(root);
  const store = new ContentStore();
  await store.open();
  const files: Hashed[] = [];
  for (const name of names.toSorted()) files.push(await hashedFile(store, folder, name, signal));
  return files;
}

async function below(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.map(async (entry) => {
    const at = path.join(entry.parentPath, entry.name);
    // What a link leads to counts: model hubs' caches are made of links.
    const isFile =
      entry.isFile() || (entry.isSymbolicLink() && (await stat(at).catch(() => undefined))?.isFile() === true);
    return isFile ? [path.relative(root, at).split(path.sep).join("/")] : [];
  });
  return (await Promise.all(files)).flat();
}

/** The hash of a file that has not changed since is remembered: weights are large. */
async function hashedFile(store: ContentStore, folder: string, name: string, signal: AbortSignal): Promise<Hashed> {
  const file = path.join(folder, name);
  const { size, mtimeMs, ino } = await stat(file);
  const key = createHash("sha256")
    .update(JSON.stringify(["weights", file, size, mtimeMs, ino]))
    .digest("hex");
  const known = await store.recall(key);
  const sha256 = known ?? (await hashOf(file, signal));
  if (known === undefined) await store.remember(key, sha256);
  const read = (from: number, at: AbortSignal): AsyncIterable<Buffer> =>
    createReadStream(file, { start: from, signal: at, highWaterMark: 1024 ** 2 }) as AsyncIterable<Buffer>;
  return { path: name, bytes: size, sha256, read };
}

async function hashOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1024 ** 2 }), hash, { signal });
  return hash.digest("hex");
}
