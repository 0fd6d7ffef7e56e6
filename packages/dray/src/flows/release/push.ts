import type { Session } from "../../contract/session.ts";
import type { InRegistry } from "../../contract/order.ts";
import { loginsOf, repositoryOf } from "../../manifest/registry.ts";
import { ContentStore } from "../../oci/content-store.ts";
import { Failure } from "../../base/failure.ts";
import { pushImage } from "../../oci/push.ts";
import { checkName, nameOf } from "../../oci/reference.ts";
import type { Context } from "../../core/context.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { buildImage, loadCargo, origin, shown } from "./build.ts";

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
    const from = { store: new ContentStore(), onBytes };
    return await pushImage({ reference, digest }, from, loginsOf(manifest), context.signal);
  });
  return { image, reference: `${nameOf(reference)}@${digest}`, sent };
}

/** Makes the manifest's image and puts it into a registry. `tag`: `latest` when left out. @throws Failure */
export async function buildAndPush(
  manifest: Manifest,
  options: { to?: string | undefined; tag: string; architecture: string },
  context: Session,
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
