import { ContentStore } from "../../oci/content-store.ts";
import { Failure } from "../../base/failure.ts";
import { digestOf, type ImageSays, imageSays } from "../../oci/fetch.ts";
import { nameOf, parseReference } from "../../oci/reference.ts";
import type { Order } from "../../contract/order.ts";
import type { Context } from "../../core/context.ts";
import type { Cargo } from "../../core/registry.ts";
import { loginsOf, repositoryOf } from "../../manifest/registry.ts";

/** An image where nodes find it. */
export interface Placed {
  digest: string;
  /** By digest. */
  image: string;
  says: ImageSays;
}

/** An image that only a registry has stays where it is. @throws Failure image.*, registry.* */
export async function inRegistry(
  { manifest }: Order,
  image: string,
  architecture: string,
  { signal }: Context,
): Promise<Placed> {
  const find = loginsOf(manifest);
  const [digest, says] = await Promise.all([
    digestOf(image, find, signal),
    imageSays(image, architecture, find, signal),
  ]);
  return { digest, image: `${nameOf(parseReference(image))}@${digest}`, says };
}

/** An image of this computer goes into the manifest's registry; a plan pushes nothing. @throws Failure registry.*, target.unsupported */
export async function pushed(
  { manifest, making, mode }: Order,
  cargo: Cargo,
  named: { reference: string; tag: string },
): Promise<Placed> {
  const repository = repositoryOf(manifest);
  if (repository === undefined)
    throw new Failure(
      "target.unsupported",
      `nodes pull images from a registry, and ${named.reference} is only on this computer`,
      {
        hint: "registry: HOST/FOLDER in the manifest; dray pushes it there",
      },
    );
  const { digest } = cargo;
  if (mode === "perform") await making.push(repository, { tag: named.tag, digest });
  return { digest, image: `${repository}@${digest}`, says: await said(digest) };
}

interface Stored {
  config?: { digest: string } | ImageSays;
  manifests?: { digest: string }[];
}

/** What the configuration of an image in the content store says; of several platforms', the first one's. */
async function said(digest: string): Promise<ImageSays> {
  const store = new ContentStore();
  const read = async (at: string): Promise<Stored> => JSON.parse(await store.text(at)) as Stored;
  const top = await read(digest);
  const [part] = top.manifests ?? [];
  const { config } = part === undefined ? top : await read(part.digest);
  if (config === undefined || !("digest" in config)) return {};
  return ((await read(config.digest)).config ?? {}) as ImageSays;
}

/** Ports that the image says it listens on. */
export function portsOf({ ExposedPorts: exposed = {} }: ImageSays): number[] {
  return Object.keys(exposed)
    .filter((port) => !port.endsWith("/udp"))
    .map((port) => Number.parseInt(port, 10));
}
