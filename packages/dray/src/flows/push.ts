import { ContentStore } from "../base/content-store.ts";
import { Failure } from "../base/failure.ts";
import { type FindLogin, findLogin } from "../base/registry/login.ts";
import { pushImage } from "../base/registry/push.ts";
import { checkName, nameOf, parseReference } from "../base/registry/reference.ts";
import { Secret } from "../base/secret.ts";
import type { Context } from "../core/context.ts";
import type { Manifest } from "../manifest/schema.ts";
import { buildImage, loadCargo, origin, shown } from "./build.ts";
import { valueOf } from "./secrets.ts";

/** The login for a registry: the manifest's own where it has one for it, else what this computer has. */
export function loginsOf({ registry, folder }: Manifest): FindLogin {
  if (typeof registry !== "object" || registry.user === undefined || registry.password === undefined) return findLogin;
  const { user, password } = registry;
  const { registry: host } = parseReference(`${registry.at}/x`);
  return async (asked, signal) => {
    if (asked !== host) return await findLogin(asked, signal);
    const value = await valueOf("registry.password", password, folder, signal);
    return { user, password: new Secret(value), from: "the manifest's registry.password" };
  };
}

/** Where the manifest wants its images: `REGISTRY/FOLDER/SERVICE`; undefined: in no registry. */
export function repositoryOf({ registry, service }: Manifest): string | undefined {
  if (registry === undefined) return undefined;
  return `${(typeof registry === "string" ? registry : registry.at).replace(/\/$/, "")}/${service}`;
}

/** An image in a registry. */
export interface InRegistry {
  /** With its tag. */
  image: string;
  /** By digest: what a machine pulls. */
  reference: string;
  /** Bytes that were sent. */
  sent: number;
}

/** Puts what is in the content store into the manifest's registry. @throws Failure registry.* */
export async function push(
  manifest: Manifest,
  repository: string,
  { tag, digest }: { tag: string; digest: string },
  context: Context,
): Promise<InRegistry> {
  const image = `${repository}:${tag}`;
  const reference = checkName(image);
  const { sent } = await shown("push", `push to ${repository}`, context, async () => {
    const onBytes = (done: number, total: number): void =>
      context.emit({ type: "step.progress", step: "push", on: "here", done, total, unit: "bytes" });
    return await pushImage(reference, digest, new ContentStore(), onBytes, loginsOf(manifest), context.signal);
  });
  return { image, reference: `${nameOf(reference)}@${digest}`, sent };
}

/** Makes the manifest's image and puts it into a registry. `tag`: `latest` when left out. @throws Failure */
export async function buildAndPush(
  manifest: Manifest,
  options: { to?: string | undefined; tag: string; architecture: string },
  context: Context,
): Promise<InRegistry> {
  const repository = options.to ?? repositoryOf(manifest);
  if (repository === undefined) {
    throw new Failure("usage.invalid", "it is not said which registry", {
      hint: "registry: in the manifest, or --to LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/NAME",
    });
  }
  const from = await origin(manifest.folder, context);
  const built = await buildImage(manifest, options.architecture, from, context);
  if (built.cargo === undefined && built.facts === undefined) {
    throw new Failure("image.not-found", `there is no image ${built.reference} on this computer to push`, {
      hint: "docker images lists what there is",
    });
  }
  const cargo = built.cargo ?? (await loadCargo(built, manifest.service, context));
  return await push(manifest, repository, { tag: options.tag, digest: cargo.digest }, context);
}
