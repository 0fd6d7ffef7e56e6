import { Readable } from "node:stream";
import pRetry, { AbortError } from "p-retry";
import type { ContentStore } from "./content-store.ts";
import type { FindLogin } from "./login.ts";
import type { Reference } from "./reference.ts";
import { explainRefusal } from "./refused.ts";
import { RegistrySession } from "./session.ts";

interface Descriptor {
  digest: string;
  size: number;
}

interface Manifest {
  mediaType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

/** What a push did. */
export interface Pushed {
  /** `sha256:...` of the manifest that was pushed. */
  digest: string;
  /** Bytes that were sent: of blobs the registry lacked. */
  sent: number;
}

const RETRIES = 4;

/**
 * Puts an image of the content store into a registry (OCI distribution-spec 1.1, "Push"): only blobs that are not there,
 * gone on with where a connection broke, each tried again a few times. `onBytes`: sent, and to be sent.
 * @throws Failure registry.*
 */
export async function pushImage(
  { reference, digest }: { reference: Reference; digest: string },
  { store, onBytes }: { store: ContentStore; onBytes: (done: number, total: number) => void },
  find: FindLogin,
  signal: AbortSignal,
): Promise<Pushed> {
  const session = new RegistrySession(reference, find, signal);
  try {
    return await pushWhole(session, digest, store, onBytes);
  } catch (error) {
    signal.throwIfAborted();
    throw explainRefusal(error, { reference, where: "this computer", login: session.login, pushing: true });
  }
}

async function pushWhole(
  session: RegistrySession,
  digest: string,
  store: ContentStore,
  onBytes: (done: number, total: number) => void,
): Promise<Pushed> {
  const manifests = await manifestsOf(store, digest);
  const blobs = new Map(
    manifests.flatMap(({ manifest: { config, layers = [] } }) =>
      [...(config === undefined ? [] : [config]), ...layers].map((blob) => [blob.digest, blob.size] as const),
    ),
  );
  const missing: Descriptor[] = [];
  for (const [blob, size] of blobs) if (!(await has(session, blob))) missing.push({ digest: blob, size });
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const blob of missing) {
    await pushBlob(session, blob, store, (sent) => onBytes(done + sent, total));
    done += blob.size;
  }
  // A part before its index: a registry takes none that names what it lacks.
  for (const { text, digest: part, manifest } of manifests) {
    const last = part === digest;
    const type = manifest.mediaType ?? `application/vnd.oci.image.${manifest.layers ? "manifest" : "index"}.v1+json`;
    await session.must("PUT", `manifests/${last ? session.reference.version : part}`, {
      headers: { "content-type": type },
      body: text,
    });
  }
  return { digest, sent: total };
}

/** The manifest and those that it names, parts first. */
async function manifestsOf(
  store: ContentStore,
  digest: string,
): Promise<{ digest: string; text: string; manifest: Manifest }[]> {
  const text = await store.text(digest);
  const manifest = JSON.parse(text) as Manifest;
  const parts = await Promise.all((manifest.manifests ?? []).map((part) => manifestsOf(store, part.digest)));
  return [...parts.flat(), { digest, text, manifest }];
}

async function has(session: RegistrySession, digest: string): Promise<boolean> {
  return (await session.send("HEAD", `blobs/${digest}`)).status === 200;
}

/** One blob: what a broken connection had brought is not sent again, where the registry says how much that is. */
async function pushBlob(
  session: RegistrySession,
  { digest, size }: Descriptor,
  store: ContentStore,
  onSent: (sent: number) => void,
): Promise<void> {
  let location: string | undefined;
  const attempt = async (): Promise<void> => {
    const start = location === undefined ? 0 : await received(session, location);
    if (location === undefined || start === undefined) {
      const begun = await session.send("POST", "blobs/uploads/");
      // Who may not push learns it here, whatever the login said: trying again mends nothing.
      if ([401, 403, 404].includes(begun.status)) throw new AbortError(await session.error(begun));
      if (!begun.ok) throw await session.error(begun);
      location = locationOf(session, begun);
    }
    const from = start ?? 0;
    if (from < size) {
      const answer = await session.must("PATCH", location, {
        headers: {
          "content-type": "application/octet-stream",
          "content-range": `${from}-${size - 1}`,
          "content-length": String(size - from),
        },
        body: counted(store.read(digest, from), (sent) => onSent(from + sent)),
      });
      location = locationOf(session, answer);
    }
    const end = new URL(location);
    end.searchParams.set("digest", digest);
    await session.must("PUT", end.href, { headers: { "content-length": "0" } });
  };
  await pRetry(attempt, { retries: RETRIES, minTimeout: 500, maxTimeout: 5000, signal: session.signal });
}

/** How much of an upload the registry has; undefined: it knows nothing of it any more. */
async function received(session: RegistrySession, location: string): Promise<number | undefined> {
  const answer = await session.send("GET", location).catch(() => undefined);
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(answer?.headers.get("range") ?? "") ?? [];
  return answer?.status === 204 && last !== undefined ? (last === "0" ? 0 : Number(last) + 1) : undefined;
}

function locationOf(session: RegistrySession, answer: Response): string {
  return session.urlOf(answer.headers.get("location") ?? "");
}

function counted(bytes: Readable, onSent: (sent: number) => void): ReadableStream {
  let sent = 0;
  bytes.on("data", (chunk: Buffer) => onSent((sent += chunk.length)));
  bytes.pause();
  return Readable.toWeb(bytes) as ReadableStream;
}
