import { Failure } from "../base/failure.ts";
import type { FindLogin } from "./login.ts";
import { parseReference } from "./reference.ts";
import { contentOf } from "./fetch.ts";
import { explainRefusal } from "./refused.ts";
import { RegistrySession } from "./session.ts";

/** One file of an artifact: a blob, with the name that whoever pushed it gave it. */
export interface ArtifactFile {
  path: string;
  bytes: number;
  sha256: string;
  url: string;
  headers: Record<string, string>;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** Where a blob says its file's name (OCI image-spec, "Pre-Defined Annotation Keys"). */
const TITLE = "org.opencontainers.image.title";

interface Layer {
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/** The files of an artifact as `oras push` and its like make it, and what the registry wants to see for them. @throws Failure registry.*, image.*, weights.missing */
export async function artifactFiles(text: string, find: FindLogin, signal: AbortSignal): Promise<ArtifactFile[]> {
  const reference = parseReference(text);
  const session = new RegistrySession(reference, find, signal);
  const content = await contentOf(session, `manifests/${reference.version}`, MANIFEST).catch((error: unknown) => {
    signal.throwIfAborted();
    throw explainRefusal(error, { reference, where: "this computer", login: session.login });
  });
  const { layers = [] } = JSON.parse(content.toString("utf8")) as { layers?: Layer[] };
  return layers.map(({ digest, size, annotations }) => {
    const path = annotations?.[TITLE];
    if (path === undefined || !digest.startsWith("sha256:"))
      throw new Failure("weights.missing", `${text} is no artifact of files: ${digest.slice(0, 19)} has no name`, {
        hint: "push the files themselves, as oras push does; an image of a model is not one",
      });
    return {
      path,
      bytes: size,
      sha256: digest.slice("sha256:".length),
      url: session.urlOf(`blobs/${digest}`),
      headers: session.shown(),
    };
  });
}
