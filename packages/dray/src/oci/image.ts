import type { ContentStore } from "./content-store.ts";
import type { Cargo } from "../core/registry.ts";
import type { Layer } from "./layer.ts";

/** How a container of the image is started. Docker's names, as the OCI image-spec's config.md has them. */
export interface ImageConfig {
  User: string;
  Env: string[];
  Entrypoint: string[];
  Cmd?: string[];
  WorkingDir: string;
  ExposedPorts: Record<string, object>;
  Labels: Record<string, string>;
  StopSignal: string;
}

/** Puts layers together to an image in the content store: same layers and config, same digest. */
export async function makeImage(
  store: ContentStore,
  architecture: string,
  layers: readonly { layer: Layer; title: string }[],
  config: ImageConfig,
): Promise<Cargo & { id: string }> {
  const text = Buffer.from(
    JSON.stringify({
      created: "1970-01-01T00:00:00Z",
      architecture,
      os: "linux",
      config,
      rootfs: { type: "layers", diff_ids: layers.map(({ layer }) => layer.diffId) },
      history: layers.map(({ title }) => ({ created: "1970-01-01T00:00:00Z", created_by: `dray: ${title}` })),
    }),
  );
  const id = await store.put(text);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { mediaType: "application/vnd.docker.container.image.v1+json", digest: id, size: text.length },
    layers: layers.map(({ layer }) => ({
      mediaType: "application/vnd.docker.image.rootfs.diff.tar.gzip",
      digest: layer.digest,
      size: layer.size,
    })),
  };
  const digest = await store.put(Buffer.from(JSON.stringify(manifest)));
  return { id, digest, whole: true, layers: layers.map(({ layer }) => ({ digest: layer.digest, size: layer.size })) };
}
