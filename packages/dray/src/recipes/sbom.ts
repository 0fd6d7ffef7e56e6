import { readFile } from "node:fs/promises";
import type { Component } from "./debian/layer.ts";
import type { LayerEntry } from "../oci/layer.ts";

/** Where an image of ours says what is in it. */
export const SBOM_PATH = "app/sbom.cdx.json";

/** A program's list of parts (CycloneDX 1.6), with what it stands on added: the list travels in its image. */
export async function sbomEntry(file: string, below: readonly Component[]): Promise<LayerEntry> {
  const list = JSON.parse(await readFile(file, "utf8")) as { components: unknown[] };
  const whole = { ...list, components: [...list.components, ...below] };
  return { path: SBOM_PATH, mode: 0o644, content: Buffer.from(`${JSON.stringify(whole, undefined, 1)}\n`) };
}
