import { ContentStore } from "../oci/content-store.ts";
import { layersOf, manifestOf } from "../oci/image-layers.ts";
import { type Built, tcpPorts } from "../core/recipe.ts";

const BY_DIGEST = /@(sha256:[0-9a-f]{64})$/;

/** What is read of an image's config, as the OCI image-spec's config.md has it. */
interface Config {
  architecture: string;
  config?: { ExposedPorts?: Record<string, object> | null } | null;
}

/**
 * An image that this computer carried before, by `NAME@sha256:...`: its manifest, config and layers are all in the
 * content store, so that no engine and no registry is asked for it. Undefined where anything of it is missing.
 */
export async function keptImage(
  reference: string,
  store: ContentStore = new ContentStore(),
): Promise<Built | undefined> {
  const [, digest] = BY_DIGEST.exec(reference) ?? [];
  if (digest === undefined || (await store.size(digest)) === undefined) return undefined;
  const { config } = await manifestOf(store, digest);
  if (config === undefined || (await store.size(config.digest)) === undefined) return undefined;
  const layers = await layersOf(store, digest);
  for (const layer of layers) if ((await store.size(layer.digest)) !== layer.size) return undefined;
  const said = JSON.parse(await store.text(config.digest)) as Config;
  const size = layers.reduce((sum, layer) => sum + layer.size, 0);
  return {
    reference,
    facts: { id: config.digest, architecture: said.architecture, exposed: tcpPorts(said.config?.ExposedPorts), size },
    cargo: { digest, layers, whole: true },
  };
}
