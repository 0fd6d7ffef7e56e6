import { within } from "drayage-clock";
import { imageBytes } from "../../../oci/fetch.ts";
import type { FindLogin } from "../../../oci/login.ts";
import type { Context } from "../../../core/context.ts";
import type { Built } from "../../../core/recipe.ts";
import type { Cargo } from "../../../core/registry.ts";
import type { Release } from "../../../core/release.ts";
import type { Machine } from "../../../machine/machine.ts";
import { knownLayers } from "../../../registries/direct.ts";
import { sharedLayers } from "../../../registries/parts.ts";
import type { Seen } from "../plan/observe.ts";
import type { ImageSource } from "../plan/steps.ts";
import { askRegistry, checkArchitecture } from "./ask-registry.ts";

/** Above this many bytes a pull is better: it resumes, and fetches layers side by side. */
const PARTS_LIMIT = 64e6;

/** Below this many bytes they are sent sooner than the machine's images are looked through. */
const WORTH_ASKING = 1e6;

/** A size that comes later is not worth waiting for. */
const SIZE_PATIENCE_MS = 3000;

/** Instead of an image's name: a plan does not build. */
export const TO_BE_BUILT = "(to be built)";

/** What a deploy made, once for all machines of an architecture. */
export interface Made {
  built: Built;
  cargo: Cargo | undefined;
  release: Release;
  /** Where it would be pushed to, and was not: a dry run. */
  wouldPull?: string;
}

/** Chooses how a machine gets this release; refuses what cannot run there. @throws Failure image.* */
export async function fit(
  made: Made,
  { machine, seen }: { machine: Machine; seen: Seen },
  find: FindLogin,
  context: Context,
): Promise<{ release: Release; source: ImageSource }> {
  const { built, cargo, release } = made;
  if (made.wouldPull !== undefined) return { release, source: { via: "pull", reference: made.wouldPull } };
  if (built.reference === TO_BE_BUILT) return { release, source: { via: "direct", bytes: 0 } };
  const { architecture, machine: name } = seen;
  if (cargo === undefined || built.facts === undefined) {
    const [found, bytes] = await Promise.all([
      askRegistry(machine, built.reference, find, context),
      within(SIZE_PATIENCE_MS, context.signal, (limit) => imageBytes(built.reference, architecture, find, limit)),
    ]);
    const size = bytes === undefined ? {} : { bytes };
    checkArchitecture(built.reference, found.architectures, { name, architecture });
    return {
      release: { ...release, digest: found.digest },
      source: { via: "pull", reference: built.reference, ...size },
    };
  }
  checkArchitecture(built.reference, [built.facts.architecture], { name, architecture });
  if (name === "local" && built.cargo === undefined)
    return { release: { ...release, image: built.facts.id }, source: { via: "here" } };
  const kept = seen.state.services[release.service]?.releases ?? [];
  const known = await knownLayers(kept.map((each) => each.release.digest));
  const unknown = cargo.layers.filter((layer) => !known.has(layer.digest));
  if (cargo.whole && seen.imageStore === "layers") {
    const missing = weightOf(unknown) > WORTH_ASKING ? await unshared(machine, cargo, unknown, context) : unknown;
    const bytes = weightOf(missing);
    if (bytes <= PARTS_LIMIT)
      return { release, source: { via: "direct", bytes, parts: missing.map(({ digest }) => digest) } };
  }
  return { release, source: { via: "direct", bytes: weightOf(unknown) } };
}

type Layers = Cargo["layers"];

const weightOf = (layers: Layers): number => layers.reduce((sum, { size }) => sum + size, 0);

/** Those that no image of the machine has. */
async function unshared(machine: Machine, cargo: Cargo, layers: Layers, { signal }: Context): Promise<Layers> {
  const shared = await sharedLayers(machine, cargo.digest, signal);
  return layers.filter(({ digest }) => !shared.has(digest));
}
