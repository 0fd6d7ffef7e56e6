import { imageBytes } from "../base/registry/fetch.ts";
import type { FindLogin } from "../base/registry/login.ts";
import type { Context } from "../core/context.ts";
import type { Built } from "../core/recipe.ts";
import type { Cargo } from "../core/registry.ts";
import type { Release } from "../core/release.ts";
import type { Machine } from "../machine/machine.ts";
import { knownLayers } from "../registries/direct.ts";
import type { Seen } from "../targets/machines/observe.ts";
import type { Source } from "../targets/machines/steps.ts";
import { askRegistry, checkArchitecture } from "./build.ts";

/** Above this many bytes a pull is better: it resumes, and fetches layers side by side. */
const PARTS_LIMIT = 64e6;

/** A size that comes later is not worth waiting for. */
const SIZE_PATIENCE_MS = 3000;

/** What a deploy made, once for all machines of an architecture. */
export interface Made {
  built: Built;
  cargo: Cargo | undefined;
  release: Release;
  /** Where it would be pushed to, and was not: a dry run. */
  wouldPull?: string;
}

/** How a machine gets this release; refuses what cannot run there. @throws Failure image.* */
export async function fit(
  made: Made,
  machine: Machine,
  seen: Seen,
  find: FindLogin,
  context: Context,
): Promise<{ release: Release; source: Source }> {
  const { built, cargo, release } = made;
  if (made.wouldPull !== undefined) return { release, source: { via: "pull", reference: made.wouldPull } };
  if (built.reference === "(to be built)") return { release, source: { via: "direct", bytes: 0 } };
  const { architecture, machine: name } = seen;
  if (cargo === undefined || built.facts === undefined) {
    const limit = AbortSignal.any([context.signal, AbortSignal.timeout(SIZE_PATIENCE_MS)]);
    const [found, bytes] = await Promise.all([
      askRegistry(machine, built.reference, find, context),
      imageBytes(built.reference, architecture, find, limit),
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
  const missing = cargo.layers.filter((layer) => !known.has(layer.digest));
  const bytes = missing.reduce((sum, layer) => sum + layer.size, 0);
  const small = cargo.whole && seen.imageStore === "layers" && bytes <= PARTS_LIMIT;
  const parts = small ? { parts: missing.map((layer) => layer.digest) } : {};
  return { release, source: { via: "direct", bytes, ...parts } };
}
