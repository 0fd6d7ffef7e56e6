import type { Context } from "../../../core/context.ts";
import { makeKeeper } from "../../../recipes/keeper.ts";
import type { Site } from "../plan/observe.ts";
import { supplyOwn } from "./own-image.ts";

/** Brings the keeper's image to a machine, where it is not there yet. @throws Failure image.* */
export async function supplyKeeper({ machine }: Site, image: string, context: Context): Promise<void> {
  await supplyOwn(machine, { part: "keeper", image, make: makeKeeper }, context);
}
