import type { Context } from "../../../core/context.ts";
import type { Cargo } from "../../../core/registry.ts";
import { isMissing } from "../../../machine/engine.ts";
import { architectureName, type Machine } from "../../../machine/machine.ts";
import { carry } from "../../../registries/direct.ts";

/** An image that is made on this computer: whose it is, its name on a machine, and how it is made. */
export interface OwnImage {
  part: "edge" | "keeper";
  image: string;
  make: (architecture: string, context: Context) => Promise<Cargo>;
}

/** Brings an image of ours to a machine, where it is not there yet: made here, and carried over ssh. @throws Failure image.* */
export async function supplyOwn(machine: Machine, { part, image, make }: OwnImage, context: Context): Promise<void> {
  if (await isThere(machine, image, context)) return;
  const { digest } = await make(architectureName(machine.version.Arch), context);
  const tell = (done: number, total: number): void =>
    context.emit({ type: "step.progress", step: part, on: machine.name, done, total, unit: "bytes" });
  const tag = image.slice(image.lastIndexOf(":") + 1);
  await carry(machine, { digest, name: part, tag }, tell, context.signal);
}

/** Does a machine's engine have an image? */
export async function isThere({ engine }: Machine, image: string, { signal }: Context): Promise<boolean> {
  const found = await engine.get(`/images/${encodeURIComponent(image)}/json`, { signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  return found !== undefined;
}
