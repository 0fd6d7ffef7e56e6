import { Failure } from "../base/failure.ts";

/** An image's name, taken apart as Docker does it: `node:20` is docker.io/library/node:20. */
export interface Reference {
  registry: string;
  repository: string;
  /** A tag, or `sha256:...`. */
  version: string;
}

export function parseReference(text: string): Reference {
  const [, name = text, digest] = /^(.+?)@(sha256:[0-9a-f]{64})$/.exec(text) ?? [];
  const [, bare = name, tag] = /^(.+):([\w][\w.-]*)$/.exec(name) ?? [];
  const [first = "", ...rest] = bare.split("/");
  const named = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const registry = named ? first : "docker.io";
  const repository = named ? rest.join("/") : bare;
  return {
    registry,
    repository: registry === "docker.io" && !repository.includes("/") ? `library/${repository}` : repository,
    version: digest ?? tag ?? "latest",
  };
}

/** The name without its version: what an engine wants beside a digest. */
export function nameOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** Google's Artifact Registry: `LOCATION-docker.pkg.dev/PROJECT/REPOSITORY/IMAGE`. */
const ARTIFACT_REGISTRY = /^([a-z0-9-]+)-docker\.pkg\.dev$/;

/** Where in Google's cloud a repository is; undefined of any other registry. */
export function artifactRepository(
  reference: Reference,
): { location: string; project: string; repository: string } | undefined {
  const [, location] = ARTIFACT_REGISTRY.exec(reference.registry) ?? [];
  const [project = "", repository = ""] = reference.repository.split("/");
  return location === undefined ? undefined : { location, project, repository };
}

/** Does Google give the tokens that this registry takes? Artifact Registry, and the Container Registry before it. */
export function isGoogle(registry: string): boolean {
  return ARTIFACT_REGISTRY.test(registry) || /^([a-z]+\.)?gcr\.io$/.test(registry);
}

/** Refuses what cannot be the name of an image in Google's Artifact Registry. @throws Failure image.bad-name */
export function checkName(text: string): Reference {
  const reference = parseReference(text);
  if (artifactRepository(reference) === undefined || reference.repository.split("/").length >= 3) return reference;
  throw new Failure("image.bad-name", `"${text}" names no image of Artifact Registry`, {
    hint: `it is ${reference.registry}/PROJECT/REPOSITORY/IMAGE:TAG; gcloud artifacts docker images list ${reference.registry}/PROJECT/REPOSITORY`,
  });
}
