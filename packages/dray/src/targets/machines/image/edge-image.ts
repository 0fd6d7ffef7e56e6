import type { Work } from "../plan/work.ts";
import type { Context } from "../../../core/context.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import { architectureName, type Machine } from "../../../machine/machine.ts";
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
  if (isOwnEdge(image)) await supplyEdgeImage(site.machine, image, context);
  else await supplyNamed(site.machine, { ...NAMED, image }, findLogin, context);
}

/** Brings the edge's image that is put together here to a machine. @throws Failure image.* */
export async function supplyOwnEdge(machine: Machine, context: Context): Promise<string> {
  const image = edgeImage(architectureName(machine.version.Arch));
  await supplyEdgeImage(machine, image, context);
  return image;
}

async function supplyEdgeImage(machine: Machine, image: string, context: Context): Promise<void> {
  await supplyOwn(machine, { part: "edge", image, make: makeEdge }, context);
}
