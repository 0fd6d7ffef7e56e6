import { Failure } from "../base/failure.ts";
import { digestOf } from "../base/registry/fetch.ts";
import { isGoogle, nameOf, parseReference } from "../base/registry/reference.ts";
import { CATALOGUE } from "../catalogue.ts";
import type { Context } from "../core/context.ts";
import type { ManagedTarget, Order } from "../core/target.ts";
import { loadGolden } from "../manifest/golden.ts";
import type { Manifest } from "../manifest/schema.ts";
import { buildImage, loadCargo, makeRelease, origin } from "./build.ts";
import { loginsOf, push, repositoryOf } from "./push.ts";

/** The target, where somebody else keeps the machines; undefined: machines. */
export function managedOf(manifest: Manifest): ManagedTarget | undefined {
  return manifest.target === "machines" ? undefined : CATALOGUE.managed[manifest.target](manifest.vertex);
}

/** What is done on machines only, and by what it is replaced. */
const INSTEAD: [keyof Manifest, string][] = [
  ["keys", "callers show a Google access token, and IAM says who may"],
  ["domain", "the address is Google's"],
  ["rate", "quotas of the project hold instead"],
  ["once", "whether a request is sent again is up to Google"],
  ["alerts", "Cloud Monitoring's alerts"],
  ["requests", "the endpoint's own request-response logging"],
];

/** Makes the release and puts its image where the target finds it; `dryRun`: nothing is made or pushed. @throws Failure */
export async function orderOf(manifest: Manifest, dryRun: boolean, now: boolean, context: Context): Promise<Order> {
  for (const [key, instead] of INSTEAD) {
    if (manifest[key] !== undefined)
      context.emit({ type: "warning", text: `${key}: is for machines; on ${manifest.target}: ${instead}` });
  }
  const golden = await loadGolden(manifest);
  const from = await origin(manifest.folder, context);
  const { canary, bake, ...rules } = manifest.rollout;
  const rollout = { ...rules, canary: now ? [] : canary, bake: now ? undefined : bake };
  const built = await buildImage(manifest, "amd64", from, context);
  const release = makeRelease(manifest, built, "", from);
  const order = { golden, rollout, keep: manifest.keep };
  const cargo =
    built.cargo ?? (built.facts === undefined ? undefined : await loadCargo(built, manifest.service, context));
  if (cargo === undefined) {
    // Not here: then it is where its name says.
    const reference = parseReference(built.reference);
    if (!isGoogle(reference.registry)) throw elsewhere(built.reference);
    const digest = await digestOf(built.reference, loginsOf(manifest), context.signal);
    return { ...order, release: { ...release, digest }, image: `${nameOf(reference)}@${digest}` };
  }
  const named = built.facts === undefined ? undefined : parseReference(built.reference);
  const repository = repositoryOf(manifest) ?? (named && isGoogle(named.registry) ? nameOf(named) : undefined);
  if (repository === undefined || !isGoogle(parseReference(repository).registry)) throw elsewhere(built.reference);
  const { digest } = cargo;
  const finished = { ...order, release: { ...release, digest }, image: `${repository}@${digest}` };
  if (!dryRun) await push(manifest, repository, { tag: release.id, digest }, context);
  return finished;
}

function elsewhere(image: string): Failure {
  return new Failure(
    "target.unsupported",
    `Vertex AI takes images only from Artifact Registry, and ${image} is not there`,
    {
      hint: "registry: LOCATION-docker.pkg.dev/PROJECT/REPOSITORY in the manifest; dray pushes it there",
    },
  );
}
