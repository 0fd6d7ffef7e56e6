import type { Work } from "./work.ts";
import { randomBytes } from "node:crypto";
import { Failure } from "../../base/failure.ts";
import { engineAuth } from "../../base/registry/login.ts";
import { parseReference } from "../../base/registry/reference.ts";
import type { Context } from "../../core/context.ts";
import type { OnBytes } from "../../core/registry.ts";
import type { Machine } from "../../machine/machine.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { carry, direct } from "../../registries/direct.ts";
import { edgeImage, isOwnEdge, makeEdge } from "../../recipes/edge.ts";
import { isThere, supplyOwn } from "./own-image.ts";
import type { Site } from "./observe.ts";

/** One setting: `edge.image` in the manifest, else DRAY_EDGE_IMAGE, else the image that is put together here. */
export function edgeImageOf(manifest: Manifest, architecture: string): string {
  return manifest.edge.image ?? process.env["DRAY_EDGE_IMAGE"] ?? edgeImage(architecture);
}

/** Brings the edge's image to a machine: it is there, or this computer's engine has it, or the machine pulls it, with the login that there is (Docker Hub gives strangers little). @throws Failure image.not-found */
export async function supplyEdge({ site, edgeImage: image, findLogin }: Work, context: Context): Promise<void> {
  const { engine, name } = site.machine;
  const { signal } = context;
  if (isOwnEdge(image)) return await supplyOwn(site.machine, { part: "edge", image, make: makeEdge }, context);
  if (await isThere(site.machine, image, context)) return;
  const carried = await carryFromHere(site, image, context);
  if (carried) return;
  try {
    const { registry } = parseReference(image);
    const headers = engineAuth(registry, await findLogin(registry, signal));
    const query = { fromImage: image };
    for await (const _line of engine.stream("POST", "/images/create", { query, headers, signal }));
  } catch (error) {
    throw new Failure(
      "image.not-found",
      `${name} cannot pull the edge's image ${image}, and it is not on this computer either`,
      {
        hint: "docker pull it here, or name another HAProxy image: edge: {image: ...} or DRAY_EDGE_IMAGE",
        details: [error instanceof Error ? error.message : String(error)],
        cause: error,
      },
    );
  }
}

function telling(machine: Machine, context: Context): OnBytes {
  return (done, total) =>
    context.emit({ type: "step.progress", step: "edge", on: machine.name, done, total, unit: "bytes" });
}

async function carryFromHere(site: Site, image: string, context: Context): Promise<boolean> {
  // A name of its own: two services may be the machine's first at once.
  const carried = `carried-${randomBytes(4).toString("hex")}`;
  try {
    const cargo = await direct.load(image, "edge", context);
    await carry(site.machine, cargo.digest, "edge", carried, telling(site.machine, context), context.signal);
  } catch (error) {
    const missing = error instanceof Failure && ["image.not-found", "docker.local-missing"].includes(error.code);
    if (missing) return false;
    throw error;
  }
  const [repo, tag = "latest"] = image.split(/:(?=[^/]*$)/);
  await site.machine.engine.post(`/images/dray/edge:${carried}/tag`, {
    query: { repo: repo ?? image, tag },
    signal: context.signal,
  });
  await site.machine.engine.call("DELETE", `/images/dray/edge:${carried}`, {
    query: { noprune: true },
    signal: context.signal,
  });
  return true;
}
