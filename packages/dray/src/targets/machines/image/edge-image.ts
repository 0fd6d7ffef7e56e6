import type { Work } from "../plan/work.ts";
import type { Context } from "../../../core/context.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import { edgeImage, isOwnEdge, makeEdge } from "../../../recipes/edge.ts";
import { supplyOwn } from "./own-image.ts";
import { supplyNamed } from "./supply.ts";

/** One setting: `edge.image` in the manifest, else DRAY_EDGE_IMAGE, else the image that is put together here. */
export function edgeImageOf(manifest: Manifest, architecture: string): string {
  return manifest.edge.image ?? process.env["DRAY_EDGE_IMAGE"] ?? edgeImage(architecture);
}

const NAMED = {
  step: "edge",
  what: "the edge's image",
  hint: "docker pull it here, or name another HAProxy image: edge: {image: ...} or DRAY_EDGE_IMAGE",
};

/** Brings the edge's image to a machine. @throws Failure image.not-found */
export async function supplyEdge({ site, edgeImage: image, findLogin }: Work, context: Context): Promise<void> {
  if (isOwnEdge(image)) await supplyOwn(site.machine, { part: "edge", image, make: makeEdge }, context);
  else await supplyNamed(site.machine, { ...NAMED, image }, findLogin, context);
}
