import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import type { ContentStore } from "./content-store.ts";
import { Failure } from "./failure.ts";

/** An image's name, taken apart as Docker does it: `node:20` is docker.io/library/node:20. */
export interface Reference {
  registry: string;
  repository: string;
  /** A tag, or `sha256:...`. */
  version: string;
}

export function parseReference(text: string): Reference {
  const [, name = text, digest] = /^(.+?)@(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  const [, bare = name, tag] = /^(.+):([\w][\w.-]*)$/.exec(name) ?? [];
  const [first = "", ...rest] = bare.split("/");
  const named = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = named ? first : "docker.io";
  const repository = named ? rest.join("/") : bare;
  return {
    registry,
    repository: registry === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository,
    version: digest ?? tag ?? "latest",
  };
}

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
export async function imageBytes(text: string, architecture: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    const reference = parseReference(text);
    const session = new Session(reference, signal);
    const first = (await session.json(`manifests/${reference.version}`, text)) as Manifest;
    const manifest =
      first.manifests === undefined ? first : await platformOf(session, first.manifests, text, architecture);
    return manifest.layers?.reduce((sum, layer) => sum + layer.size, 0);
  } catch {
    return undefined;
  }
}

/**
 * Fetches one platform of an image over HTTP (OCI distribution-spec 1.1, "Pull"), without an engine: only blobs that the
 * content store lacks. @throws Failure image.not-found, image.carry-failed
 */
export async function fetchImage(
  text: string,
  architecture: string,
  store: ContentStore,
  onBytes: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<Fetched> {
  const reference = parseReference(text);
  const session = new Session(reference, signal);
  const first = (await session.json(`manifests/${reference.version}`, text)) as Manifest;
  const manifest =
    first.manifests === undefined ? first : await platformOf(session, first.manifests, text, architecture);
  if (manifest.config === undefined || manifest.layers === undefined) throw strange(text, "it is no image");
  const zstd = manifest.layers.find((layer) => layer.mediaType?.endsWith("zstd") === true);
  if (zstd !== undefined) throw strange(text, "its layers are compressed with zstd, which older engines do not read");
  const config = (await session.json(`blobs/${manifest.config.digest}`, text)) as Fetched["config"] & {
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
  session: Session,
  manifests: readonly Descriptor[],
  text: string,
  architecture: string,
): Promise<Manifest> {
  const found = manifests.find(({ platform }) => platform?.os === "linux" && platform.architecture === architecture);
  if (found !== undefined) return (await session.json(`manifests/${found.digest}`, text)) as Manifest;
  const has = manifests.flatMap(({ platform }) =>
    platform === undefined ? [] : `${platform.os}/${platform.architecture}`,
  );
  throw new Failure("image.wrong-arch", `${text} is for ${has.join(", ")}, and linux/${architecture} is needed`, {
    hint: "name an image that has it",
  });
}

async function fetchBlob(
  session: Session,
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

/** Requests to one repository, with whatever the registry wants to see (RFC 6750 token, or RFC 7617 basic). */
class Session {
  readonly #reference: Reference;
  readonly #signal: AbortSignal;
  #authorization: string | undefined;

  constructor(reference: Reference, signal: AbortSignal) {
    this.#reference = reference;
    this.#signal = signal;
  }

  async json(where: string, text: string): Promise<unknown> {
    const answer = await this.get(where, ACCEPT).catch((error: unknown) => {
      this.#signal.throwIfAborted();
      throw notFetched(text, error);
    });
    return await answer.json();
  }

  async get(where: string, accept: string): Promise<Response> {
    const { registry, repository } = this.#reference;
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    // As Docker: only this computer itself is asked without TLS.
    const scheme = /^(localhost|127\.)/.test(host) ? "http" : "https";
    const ask = async (): Promise<Response> =>
      await fetch(`${scheme}://${host}/v2/${repository}/${where}`, {
        headers: { accept, ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }) },
        signal: this.#signal,
      });
    let answer = await ask();
    if (answer.status === 401) {
      this.#authorization = await this.#authorize(answer.headers.get("www-authenticate") ?? "");
      answer = await ask();
    }
    if (!answer.ok) throw new Error(`${host} answered ${answer.status} ${(await answer.text()).slice(0, 200)}`);
    return answer;
  }

  /** The distribution project's token protocol: the challenge names where a token is had, and for what. */
  async #authorize(challenge: string): Promise<string> {
    const login = await loginFor(this.#reference.registry);
    const basic = login === undefined ? undefined : `Basic ${login}`;
    if (!/^bearer/i.test(challenge)) return basic ?? "";
    const of = (key: string): string | undefined => new RegExp(`${key}="([^"]*)"`).exec(challenge)?.[1];
    const url = new URL(of("realm") ?? "");
    for (const key of ["service", "scope"]) {
      const value = of(key);
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const answer = await fetch(url, {
      headers: basic === undefined ? {} : { authorization: basic },
      signal: this.#signal,
    });
    if (!answer.ok) throw new Error(`${url.host} gave no token: ${answer.status}`);
    const { token, access_token: access } = (await answer.json()) as { token?: string; access_token?: string };
    return `Bearer ${token ?? access ?? ""}`;
  }
}

/** What `docker login` left for a registry in ~/.docker/config.json: base64 of user:password. */
async function loginFor(registry: string): Promise<string | undefined> {
  const folder = process.env["DOCKER_CONFIG"] ?? path.join(homedir(), ".docker");
  const text = await readFile(path.join(folder, "config.json"), "utf8").catch(() => "{}");
  const { auths = {} } = JSON.parse(text) as { auths?: Record<string, { auth?: string }> };
  const key = registry === "docker.io" ? "https://index.docker.io/v1/" : registry;
  return auths[key]?.auth;
}

function notFetched(text: string, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return new Failure("image.not-found", `${text} could not be fetched`, {
    hint: "is the name right, and can this computer reach that registry? a private one wants docker login first",
    details: [`${error instanceof Error ? error.message : String(error)}${cause}`],
    cause: error,
  });
}
