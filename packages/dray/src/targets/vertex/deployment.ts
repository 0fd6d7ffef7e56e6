import type { Cargo } from "../../core/registry.ts";
import type { Built } from "../../core/recipe.ts";
import { Failure } from "../../base/failure.ts";
import { digestOf } from "../../oci/fetch.ts";
import { isGoogle, nameOf, parseReference } from "../../oci/reference.ts";
import type { Order } from "../../contract/order.ts";
import type { Context } from "../../core/context.ts";
import type { Golden } from "../../core/golden.ts";
import type { Rules } from "../../core/judge.ts";
import type { Release } from "../../core/release.ts";
import { loginsOf, repositoryOf } from "../../manifest/registry.ts";
import type { Manifest } from "../../manifest/schema.ts";

/** What Vertex AI is to run, and how it gets the traffic. */
export interface Deployment {
  release: Release;
  /** By digest, in a registry that Vertex AI reaches. */
  image: string;
  golden: readonly Golden[];
  /** Shares in percent before all of it; `every` and `bake` in milliseconds. */
  rollout: Rules & { canary: readonly number[]; every: number; bake?: number | undefined };
  /** Releases that are kept, deployed or not. */
  keep: number;
}

/** What the manifest may say, and what there is on Vertex AI instead. */
const INSTEAD: [keyof Manifest, string][] = [
  ["keys", "callers show a Google access token, and IAM says who may"],
  ["domain", "the address is Google's"],
  ["rate", "quotas of the project hold instead"],
  ["once", "whether a request is sent again is up to Google"],
  ["alerts", "Cloud Monitoring's alerts"],
  ["requests", "the endpoint's own request-response logging"],
];

/** Vertex AI's machines; an image of a model is made for them. */
const ARCHITECTURE = "amd64";

/** Makes the release and puts its image where Vertex AI finds it; a plan makes it, and pushes nothing. @throws Failure */
export async function deploymentOf(order: Order, context: Context): Promise<Deployment> {
  const { manifest, making } = order;
  for (const [key, instead] of INSTEAD) {
    if (manifest[key] !== undefined)
      context.emit({ type: "warning", text: `${key}: is for machines; on ${manifest.target}: ${instead}` });
  }
  const { canary, bake, ...rules } = manifest.rollout;
  const gradual = order.rollout === "as-the-manifest-says";
  const rollout = { ...rules, canary: gradual ? canary : [], bake: gradual ? bake : undefined };
  const { built, cargo } = await making.build(ARCHITECTURE);
  const release = making.release(built, "");
  const found =
    cargo === undefined
      ? await inRegistry(order, built.reference, context)
      : await pushed(order, { built, cargo }, release);
  const { digest, image } = found;
  return { golden: order.golden, rollout, keep: manifest.keep, release: { ...release, digest }, image };
}

interface Found {
  digest: string;
  image: string;
}

/** An image that is not on this computer is where its name says. */
async function inRegistry({ manifest }: Order, image: string, { signal }: Context): Promise<Found> {
  const reference = parseReference(image);
  if (!isGoogle(reference.registry)) throw elsewhere(image);
  const digest = await digestOf(image, loginsOf(manifest), signal);
  return { digest, image: `${nameOf(reference)}@${digest}` };
}

async function pushed(
  { manifest, making, mode }: Order,
  { built, cargo }: { built: Built; cargo: Cargo },
  { id }: Release,
): Promise<Found> {
  const named = built.facts === undefined ? undefined : parseReference(built.reference);
  const repository = repositoryOf(manifest) ?? (named && isGoogle(named.registry) ? nameOf(named) : undefined);
  if (repository === undefined || !isGoogle(parseReference(repository).registry)) throw elsewhere(built.reference);
  const { digest } = cargo;
  if (mode === "perform") await making.push(repository, { tag: id, digest });
  return { digest, image: `${repository}@${digest}` };
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
