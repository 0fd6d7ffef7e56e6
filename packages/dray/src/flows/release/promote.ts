import { Failure } from "../../base/failure.ts";
import { nameOf, parseReference } from "../../oci/reference.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Release } from "../../core/release.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { deploy, type Deployed, type DeployOptions } from "./deploy.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** From where to where: two environments of one manifest, as a rule. */
export interface Promotion {
  from: Scope;
  to: Scope;
}

/**
 * Deploys the very image that has the traffic in one environment to another one: same digest, nothing is built. It is
 * proved there like any release, with the golden requests of the environment that it comes to.
 * @throws Failure promote.nothing, promote.mixed, and those of a deploy
 */
export async function promote(
  { from, to }: Promotion,
  options: DeployOptions,
  session: VerbSession,
): Promise<Deployed & { promoted: Release }> {
  const promoted = await sourceOf(from, session);
  const manifest = withImageOf(to.manifest, promoted);
  return { ...(await deploy({ ...to, manifest }, options, session)), promoted };
}

/** The one release that serves everywhere in an environment. */
async function sourceOf(from: Scope, session: VerbSession): Promise<Release> {
  const promotion = abilityOf("promotion", from.manifest, session);
  const called = from.manifest.environment ?? from.manifest.service;
  const found = await atEach(from, session, async (subject) => ({
    subject,
    live: await promotion.source(subject, session),
  }));
  const [first] = found;
  const live = first?.live;
  if (live === undefined)
    throw new Failure("promote.nothing", `nothing of ${from.manifest.service} serves in ${called}`, {
      hint: `first: dray deploy -e ${called}`,
    });
  const other = found.find((each) => each.live?.digest !== live.digest);
  if (other === undefined) return live;
  throw new Failure("promote.mixed", `${called} does not serve one image: its places have several`, {
    hint: `dray status -e ${called} shows them; deploy one image to all of them first`,
    details: found.map(
      ({ subject, live: at }) => `${subject.place.name}: ${at?.image ?? "nothing"} ${at?.digest ?? ""}`,
    ),
  });
}

/** What runs it where the manifest leaves that to the recipe that made the image. */
function withImageOf(manifest: Manifest, { image, digest, settings }: Release): Manifest {
  const made = image.startsWith("sha256:");
  const named = `${made ? manifest.service : nameOf(parseReference(image))}@${digest}`;
  const ready = manifest.ready ?? settings.ready;
  const port = manifest.port ?? settings.port;
  const readOnly = manifest.readOnly ?? settings.readOnly;
  return {
    ...manifest,
    image: named,
    build: undefined,
    model: undefined,
    ...(ready === undefined ? {} : { ready }),
    ...(port === undefined ? {} : { port }),
    ...(readOnly === undefined ? {} : { readOnly }),
  };
}
