import type { Context } from "../../core/context.ts";
import { isMissing } from "../../machine/engine.ts";
import { makeKeeper } from "../../recipes/keeper.ts";
import { carry } from "../../registries/direct.ts";
import { type Site } from "./observe.ts";
import { architectureName } from "../../machine/machine.ts";

/** Brings the keeper's image to a machine, where it is not there yet: made here, and carried over ssh. @throws Failure image.* */
export async function supplyKeeper({ machine }: Site, image: string, context: Context): Promise<void> {
  const { signal } = context;
  const found = await machine.engine.get(`/images/${image}/json`, { signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  if (found !== undefined) return;
  const cargo = await makeKeeper(architectureName(machine.version.Arch), context);
  const tell = (done: number, total: number): void =>
    context.emit({ type: "step.progress", step: "keeper", on: machine.name, done, total, unit: "bytes" });
  await carry(machine, cargo.digest, "keeper", image.slice(image.lastIndexOf(":") + 1), tell, signal);
}
