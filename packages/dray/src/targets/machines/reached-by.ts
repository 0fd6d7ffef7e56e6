import type { Order } from "../../contract/order.ts";
import type { Context } from "../../core/context.ts";
import type { Machine } from "../../machine/machine.ts";
import { keeperImage } from "../../recipes/keeper.ts";
import type { Https } from "./plan/work.ts";
import type { Wish } from "./plan/steps.ts";
import { edgeImageOf } from "./image/edge-image.ts";
import { httpsOf } from "./keeper/https.ts";

/** How the service is reached on a machine: its edge, and the keeper where something is to be kept. */
export async function reachedBy(
  { manifest, mode }: Order,
  { machine, architecture }: { machine: Machine; architecture: string },
  keeper: "needed" | "for-https",
  context: Context,
): Promise<{ wish: Pick<Wish, "edge" | "keeper">; https: Https | undefined }> {
  const https = await httpsOf(manifest, machine.address, mode, context);
  const tls = https === undefined ? {} : { tls: https.port };
  const edge = { port: manifest.edge.port, ...tls, image: edgeImageOf(manifest, architecture) };
  const certificate = https === undefined ? {} : { host: https.host, certificate: https.wish };
  const image = await keeperImage(architecture);
  return {
    wish: { edge, keeper: { image, first: keeper === "needed" || https !== undefined, ...certificate } },
    https,
  };
}
