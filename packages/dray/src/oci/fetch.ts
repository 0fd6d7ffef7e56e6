import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { ContentStore } from "./content-store.ts";
import { Failure } from "../base/failure.ts";
import type { FindLogin } from "./login.ts";
import { parseReference } from "./reference.ts";
import { explainRefusal } from "./refused.ts";
import { RegistrySession } from "./session.ts";

interface Descriptor {
  digest: string;
  size: number;
  mediaType?: string;
  platform?: { os: string; architecture: string };
}

interface Manifest {
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

/** An image that was fetched: its compressed layers are in the content store. */
export interface Fetched {
  config: { config?: { Env?: string[] } };
  layers: { digest: string; diffId: string; size: number }[];
}

const ACCEPT = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Compressed bytes of one platform of an image, as its registry tells; undefined where it does not tell us (an image that
 * wants a login, a registry that only the machine reaches).
 */
export async function imageBytes(
  text: string,
  architecture: string,
  find: FindLogin,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const reference = parseReference(text);
    const session = new RegistrySession(reference, find, signal);
    const first = (await json(session, `manifests/${reference.version}`)) as Manifest;
    const manifest =
      first.manifests === undefined ? first : await platformOf(session, first.manifests, text, architecture);
    return manifest.layers?.reduce((sum, layer) => sum + layer.size, 0);
  } catch {
    return undefined;
  }
}

/** The digest of what a name stands for now, as its registry tells. @throws Failure image.not-found, registry.* */
export async function digestOf(text: string, find: FindLogin, signal: AbortSignal): Promise<string> {
  const reference = parseReference(text);
  const session = new RegistrySession(reference, find, signal);
  try {
    // Of the bytes themselves: what a registry says of them in a header is its own word.
    return hashOf(await contentOf(session, `manifests/${reference.version}`));
  } catch (error) {
    signal.throwIfAborted();
    throw explainRefusal(error, { reference, where: "this computer", login: session.login });
  }
}

/** What an image says of its container: its user, and the ports of EXPOSE. */
export interface ImageSays {
  User?: string;
  ExposedPorts?: Record<string, object>;
}

/** What the configuration of one platform of an image says. @throws Failure image.*, registry.* */
export async function imageSays(
  text: string,
  architecture: string,
  find: FindLogin,
  signal: AbortSignal,
): Promise<ImageSays> {
  const reference = parseReference(text);
  const session = new RegistrySession(reference, find, signal);
  const first = (await json(session, `manifests/${reference.version}`)) as Manifest;
  const manifest =
    first.manifests === undefined ? first : await platformOf(session, first.manifests, text, architecture);
  if (manifest.config === undefined) throw strange(text, "it is no image");
  return ((await json(session, `blobs/${manifest.config.digest}`)) as { config?: ImageSays }).config ?? {};
}

/**
 * Fetches one platform of an image over HTTP (OCI distribution-spec 1.1, "Pull"), without an engine: only blobs that the
 * content store lacks. @throws Failure image.not-found, image.carry-failed, registry.*
 */
export async function fetchImage(
  { name: text, architecture }: { name: string; architecture: string },
  { store, onBytes }: { store: ContentStore; onBytes: (done: number, total: number) => void },
  find: FindLogin,
  signal: AbortSignal,
): Promise<Fetched> {
  const reference = parseReference(text);
  const session = new RegistrySession(reference, find, signal);
  const first = (await json(session, `manifests/${reference.version}`)) as Manifest;
  const manifest =
    first.manifests === undefined ? first : await platformOf(session, first.manifests, text, architecture);
  if (manifest.config === undefined || manifest.layers === undefined) throw strange(text, "it is no image");
  const zstd = manifest.layers.find((layer) => layer.mediaType?.endsWith("zstd") === true);
  if (zstd !== undefined) throw strange(text, "its layers are compressed with zstd, which older engines do not read");
  const config = (await json(session, `blobs/${manifest.config.digest}`)) as Fetched["config"] & {
    rootfs: { diff_ids: string[] };
  };
  const total = manifest.layers.reduce((sum, layer) => sum + layer.size, 0);
  let done = 0;
  const count = (bytes: number): void => onBytes((done += bytes), total);
  await Promise.all(manifest.layers.map((layer) => fetchBlob(session, layer, store, count)));
  return {
    config,
    layers: manifest.layers.map(({ digest, size }, index) => ({
      digest,
      size,
      diffId: config.rootfs.diff_ids[index] ?? "",
    })),
  };
}

async function platformOf(
  session: RegistrySession,
  manifests: readonly Descriptor[],
  text: string,
  architecture: string,
): Promise<Manifest> {
  const found = manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
  if (found !== undefined) return (await json(session, `manifests/${found.digest}`)) as Manifest;
  const has = manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : `${platform.os}/${platform.architecture}`,
  );
  throw new Failure("image.wrong-arch", `${text} is for ${has.join(", ")}, and linux/${architecture} is needed`, {
    hint: "name an image that has it",
  });
}

async function fetchBlob(
  session: RegistrySession,
  blob: Descriptor,
  store: ContentStore,
  count: (bytes: number) => void,
): Promise<void> {
  if ((await store.size(blob.digest)) === blob.size) return count(blob.size);
  const answer = await session.get(`blobs/${blob.digest}`, "*/*");
  if (answer.body === null) throw new TypeError("a blob without a body");
  const id = await store.begin();
  // Counting starts the flow: nothing may be waited for between here and the reader.
  const body = Readable.fromWeb(answer.body);
  body.on("data", (chunk: Buffer) => count(chunk.length));
  await store.append(id, body);
  if (await store.commit(id, blob.digest)) return;
  throw new Failure("image.carry-failed", `${blob.digest} is not what arrived`, { hint: "run the same command again" });
}

function strange(text: string, why: string): Failure {
  return new Failure("image.no-base", `${text} cannot be used: ${why}`, { hint: "name another image" });
}

const hashOf = (content: Buffer): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** What lies at `manifests/...` or `blobs/...`; where that is named by its digest, nothing else is taken for it. */
export async function contentOf(session: RegistrySession, where: string, accept: string = ACCEPT): Promise<Buffer> {
  const answer = await session.get(where, accept);
  const content = Buffer.from(await answer.arrayBuffer());
  const [digest] = /sha256:[0-9a-f]{64}$/.exec(where) ?? [];
  if (digest === undefined || hashOf(content) === digest) return content;
  throw new Failure("image.not-what-it-claims", `${session.reference.registry} sent something else than ${digest}`, {
    hint: "do not use this registry before its owner has looked at it; or name another image",
    details: [`asked: ${where}`, `came: ${hashOf(content)}`],
  });
}

async function json(session: RegistrySession, where: string): Promise<unknown> {
  const content = await contentOf(session, where).catch((error: unknown) => {
    session.signal.throwIfAborted();
    const { reference, login } = session;
    throw explainRefusal(error, { reference, where: "this computer", login });
  });
  return JSON.parse(content.toString("utf8"));
}
