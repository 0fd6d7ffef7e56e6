import type { InRegistry, Making, Order, Ready, Rollout, Want } from "../../contract/order.ts";
import type { Session } from "../../contract/session.ts";
import type { AnyTarget } from "../../contract/target.ts";
import type { Built } from "../../core/recipe.ts";
import type { Origin } from "../../core/release.ts";
import { loadGolden } from "../../manifest/golden.ts";
import { keysOf } from "../../manifest/keys.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { alertSettings } from "../watch/alert.ts";
import { buildImage, loadCargo, makeRelease, origin, recipeOf } from "./build.ts";
import { push } from "./push.ts";
import { usesOf, weightsOf } from "./weights.ts";

/** How an order is to be carried out; each has its usual value. */
export interface How {
  answers?: Order["answers"];
  rollout?: Rollout;
  mode?: Order["mode"];
  consent?: Order["consent"];
}

/** Resolves what a target needs of a manifest, once. @throws Failure golden.invalid, manifest.secret-missing */
export async function orderOf(
  { manifest, want }: { manifest: Manifest; want: Want },
  { can }: AnyTarget,
  { answers = "must-match", rollout = "as-the-manifest-says", mode = "perform", consent = "given" }: How,
  session: Session,
): Promise<Order> {
  const isNew = want.verb === "deploy";
  const [golden, keys, alerts, from, weights] = await Promise.all([
    want.verb === "rollback" ? [] : loadGolden(manifest),
    // A plan names the callers; their keys may be somewhere else.
    can.keys === undefined ? undefined : keysOf(manifest, mode, session),
    isNew && mode === "perform" && can.alerts !== undefined ? alertSettings(manifest, session) : undefined,
    want.verb === "rollback" ? nobody(session) : origin(manifest.folder, session),
    isNew ? weightsOf(manifest, session) : [],
  ]);
  return {
    want,
    manifest,
    golden,
    answers,
    keys,
    alerts: isNew ? (alerts ?? "nobody") : undefined,
    rollout,
    from,
    weights,
    making: makingOf(manifest, from, weights, session),
    mode,
    consent,
    once: onceEach(),
  };
}

/** A rollback makes no release, so nobody asks git whose it is. */
function nobody({ who }: Session): Origin {
  return { who, at: new Date().toISOString() };
}

function makingOf(manifest: Manifest, from: Origin, weights: Order["weights"], session: Session): Making {
  return {
    perArchitecture: recipeOf(manifest).perArchitecture,
    build: async (architecture): Promise<Ready> => {
      const built = await buildImage(manifest, architecture, from, session);
      // An image that was made without an engine is ready as it is, and no engine knows it by name.
      if (built.cargo !== undefined || built.facts === undefined) return { built, cargo: built.cargo };
      return { built, cargo: await loadCargo(built, manifest.service, session) };
    },
    release: (built: Built, digest) => {
      const release = makeRelease(manifest, built, digest, from);
      return { ...release, settings: { ...release.settings, ...usesOf(weights) } };
    },
    push: async (repository, image): Promise<InRegistry> => await push(manifest, repository, image, session),
  };
}

function onceEach(): Order["once"] {
  const begun = new Map<string, Promise<unknown>>();
  return async <T>(key: string, act: () => Promise<T>): Promise<T> => {
    const doing = begun.get(key) ?? act();
    begun.set(key, doing);
    // Whoever gave the key gave the act: both have the same type.
    return (await doing) as T;
  };
}
