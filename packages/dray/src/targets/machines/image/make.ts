import type { Order } from "../../../contract/order.ts";
import { repositoryOf } from "../../../manifest/registry.ts";
import { type Made, TO_BE_BUILT } from "./fit.ts";

/** The release and its image, once for all machines of an architecture. @throws Failure image.*, registry.* */
export async function releaseFor(order: Order, architecture: string): Promise<Made> {
  return await order.once(`release for ${architecture}`, () => make(order, architecture));
}

async function make({ making, manifest, mode }: Order, architecture: string): Promise<Made> {
  if (mode === "plan" && making.perArchitecture) {
    const built = { reference: TO_BE_BUILT };
    return { built, cargo: undefined, release: making.release(built, "") };
  }
  const { built, cargo } = await making.build(architecture);
  const release = making.release(built, cargo?.digest ?? "");
  const repository = repositoryOf(manifest);
  // What only a registry has already is pulled from there.
  if (repository === undefined || cargo === undefined) return { built, cargo, release };
  if (mode === "plan") return { built, cargo, release, wouldPull: `${repository}:${release.id}` };
  const { image, reference } = await making.push(repository, { tag: release.id, digest: cargo.digest });
  return { built: { reference }, cargo: undefined, release: { ...release, image } };
}
