import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { within } from "drayage-clock";
import { extract } from "tar-stream";
import type { ContentStore } from "../oci/content-store.ts";
import type { Context } from "../core/context.ts";
import { noParts } from "./debian/archive.ts";
import type { KnownLayer } from "./debian/layer.ts";
import { NODE } from "./debian/lock.ts";
import type { Architecture } from "./debian/locked.ts";
import { npmPack } from "./npm.ts";
import { makeLayer } from "../oci/layer.ts";
import { reasonOf } from "./reason.ts";
import { told } from "./told.ts";

/** npm fetches some 50 MB. */
const FETCH_MS = 600_000;
const BINARY = "package/bin/node";

/**
 * The layer with Node itself: the build that npm carries, of one version for every processor and whatever this
 * computer has. npm knows the user's registry, proxy and login. @throws Failure image.no-parts
 */
export async function nodeLayer(
  architecture: Architecture,
  store: ContentStore,
  context: Context,
): Promise<KnownLayer> {
  const { version } = NODE;
  const key = createHash("sha256")
    .update(JSON.stringify(["node", NODE[architecture], process.version]))
    .digest("hex");
  const known = await store.recall(key);
  const components = [{ type: "application", name: "node", version, purl: `pkg:generic/node@${version}` }] as const;
  if (known !== undefined) {
    const layer = JSON.parse(known) as KnownLayer["layer"];
    if ((await store.size(layer.digest)) === layer.size) return { layer, components: [...components] };
  }
  const title = `Node ${version} for linux/${architecture}`;
  const layer = await told("node", title, context, async () => {
    const content = await fetchNode(architecture, context);
    return await makeLayer(store, [{ path: "usr/local/bin/node", mode: 0o755, content }]);
  });
  await store.remember(key, JSON.stringify(layer));
  return { layer, components: [...components] };
}

async function fetchNode(architecture: Architecture, context: Context): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-node-"));
  try {
    const archive = await pack(architecture, folder, context);
    await checkIntegrity(archive, NODE[architecture].integrity);
    return await binaryOf(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function pack(architecture: Architecture, folder: string, context: Context): Promise<string> {
  const name = `${NODE[architecture].package}@${NODE.version}`;
  try {
    return await within(FETCH_MS, context.signal, async (signal) => await npmPack(name, folder, signal));
  } catch (error) {
    context.signal.throwIfAborted();
    throw noParts(`npm cannot fetch ${name}: ${reasonOf(error)}`, error);
  }
}

async function checkIntegrity(archive: string, integrity: string): Promise<void> {
  const [algorithm = "", wanted] = integrity.split(/-(.*)/s);
  const found = createHash(algorithm)
    .update(await readFile(archive))
    .digest("base64");
  if (found !== wanted) throw noParts(`${path.basename(archive)} came with other bytes than the lock names`);
}

async function binaryOf(archive: string): Promise<Buffer> {
  const parts = createReadStream(archive).pipe(createGunzip()).pipe(extract());
  for await (const part of parts) {
    if (part.header.name === BINARY) return await buffer(part);
    part.resume();
  }
  throw noParts(`${path.basename(archive)} has no ${BINARY}`);
}
