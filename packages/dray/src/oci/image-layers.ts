import type { ContentStore } from "./content-store.ts";

/** What is read of an image's manifest, or of an index of several. */
interface Manifest {
  config?: { digest: string };
  layers?: { digest: string; size: number }[];
  manifests?: { digest: string; platform?: { architecture: string; os: string } }[];
}

/** The compressed layers of an image, or of the images of an index that are in the store. */
export async function layersOf(store: ContentStore, digest: string): Promise<{ digest: string; size: number }[]> {
  const manifest = await manifestOf(store, digest);
  if (manifest.layers !== undefined) return manifest.layers.map(({ digest: layer, size }) => ({ digest: layer, size }));
  const parts = await Promise.all(
    (manifest.manifests ?? []).map(async (part) =>
      (await store.size(part.digest)) === undefined ? [] : await layersOf(store, part.digest),
    ),
  );
  return parts.flat();
}

/** A manifest of the store. @throws when it is not there, or no JSON */
export async function manifestOf(store: ContentStore, digest: string): Promise<Manifest> {
  return JSON.parse(await store.text(digest)) as Manifest;
}
