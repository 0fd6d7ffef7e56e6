import { once } from "node:events";
import { Readable } from "node:stream";
import { pack, type Pack } from "tar-stream";
import type { OnBytes } from "../core/registry.ts";
import type { Machine } from "../machine/machine.ts";
import { ContentStore } from "../oci/content-store.ts";
import { isMissing } from "../machine/engine.ts";

interface Manifest {
  config: { digest: string };
  layers: { digest: string; size: number }[];
}

/** What `sendParts` needs to know of an image. */
export interface Parts {
  /** Of the manifest in this computer's content store. */
  digest: string;
  /** Layers that the machine lacks, as far as this computer knows. */
  missing: readonly string[];
  /** What the machine's engine is to call it. */
  name: string;
}

interface Config {
  rootfs: { diff_ids: string[] };
}

/** Images of a machine that are looked at, the newest first: each is a call. */
const LOOKED_AT = 50;

/**
 * Digests of an image's layers that a machine's engine has in other images, whoever brought them: a layer is known by
 * its chain of diff ids, so it is shared where all layers below it are. `digest` is of the manifest in this computer's
 * content store.
 * @throws EngineError
 */
export async function sharedLayers(machine: Machine, digest: string, signal: AbortSignal): Promise<Set<string>> {
  const store = new ContentStore();
  const { config, layers } = JSON.parse(await store.text(digest)) as Manifest;
  const { rootfs } = JSON.parse(await store.text(config.digest)) as Config;
  const images = await machine.engine.get<{ Id: string }[]>("/images/json", { signal });
  const chains = await Promise.all(images.slice(0, LOOKED_AT).map(({ Id: id }) => chainOf(machine, id, signal)));
  return inCommon(
    layers.map((layer) => layer.digest),
    rootfs.diff_ids,
    chains,
  );
}

/** Those of `layers`, whose content `diffIds` names, the lowest first, that one of the `chains` of diff ids begins with. */
export function inCommon(
  layers: readonly string[],
  diffIds: readonly string[],
  chains: readonly (readonly string[])[],
): Set<string> {
  const shared = Math.max(0, ...chains.map((chain) => commonLength(chain, diffIds)));
  // An empty layer may come again further up, upon others.
  const above = new Set(layers.slice(shared));
  return new Set(layers.slice(0, shared).filter((layer) => !above.has(layer)));
}

/** The diff ids of an image, the lowest layer first; none when it has just gone. */
async function chainOf({ engine }: Machine, id: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await engine.get<{ RootFS: { Layers?: string[] } }>(`/images/${id}/json`, { signal })).RootFS.Layers ?? [];
  } catch (error) {
    if (!isMissing(error)) throw error;
    return [];
  }
}

function commonLength(one: readonly string[], other: readonly string[]): number {
  const differs = other.findIndex((each, index) => each !== one[index]);
  return differs === -1 ? other.length : differs;
}

/**
 * Hands an engine a `docker save` archive that leaves out the layers it has: one request and one round trip, where a
 * pull takes nine. The classic layer store looks for a layer by its chain of diff ids before it opens the archive's
 * file for it (moby, image/tarexport/load.go); containerd's store does not, and needs a pull.
 * Returns the bytes sent.
 * @throws EngineError when a layer is missing after all, or the disk is full
 */
export async function sendParts(
  machine: Machine,
  parts: Parts,
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<number> {
  const store = new ContentStore();
  const manifest = JSON.parse(await store.text(parts.digest)) as Manifest;
  const total = manifest.layers
    .filter((layer) => parts.missing.includes(layer.digest))
    .reduce((sum, layer) => sum + layer.size, 0);
  const archive = pack();
  let sent = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of archive) {
      const bytes = chunk as Buffer;
      onBytes(Math.min((sent += bytes.length), total), total);
      yield bytes;
    }
  };
  const written = write(archive, store, manifest, parts).catch((error: unknown) => archive.destroy(error as Error));
  for await (const _line of machine.engine.stream("POST", "/images/load", {
    query: { quiet: true },
    headers: { "content-type": "application/x-tar" },
    stream: Readable.from(counted(), { objectMode: false }),
    signal,
  }));
  await written;
  return sent;
}

/** The archive's layout is that of `docker save` (moby, image/spec/v1.2): manifest.json names the other files. */
async function write(archive: Pack, store: ContentStore, manifest: Manifest, parts: Parts): Promise<void> {
  const config = await store.text(manifest.config.digest);
  const files = manifest.layers.map((layer) => `${layer.digest.slice("sha256:".length)}/layer.tar`);
  const index = [{ Config: "config.json", RepoTags: [parts.name], Layers: files }];
  archive.entry({ name: "config.json" }, config);
  archive.entry({ name: "manifest.json" }, JSON.stringify(index));
  const sent = new Set<string>();
  for (const [at, layer] of manifest.layers.entries()) {
    if (!parts.missing.includes(layer.digest) || sent.has(layer.digest)) continue;
    sent.add(layer.digest);
    const entry = archive.entry({ name: files[at] ?? "", size: layer.size });
    for await (const chunk of store.read(layer.digest)) if (!entry.write(chunk)) await once(entry, "drain");
    entry.end(undefined);
  }
  archive.finalize();
}
