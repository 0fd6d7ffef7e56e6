import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { type Engine, isMissing } from "../machine/engine.ts";

/** What the local engine knows of an image, as far as it matters here. */
export interface ImageFacts {
  id: string;
  architecture: string;
  /** TCP ports of EXPOSE. */
  exposed: number[];
  /** Uncompressed, in bytes. */
  size: number;
}

interface Inspected {
  Id: string;
  Architecture: string;
  Size: number;
  Config?: { ExposedPorts?: Record<string, object> | null } | null;
}

/** Looks an image up in an engine. @throws Failure image.not-found */
export async function inspectImage(engine: Engine, reference: string, context: Context): Promise<ImageFacts> {
  const found = await engine
    .get<Inspected>(`/images/${encodeURIComponent(reference)}/json`, { signal: context.signal })
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      throw new Failure("image.not-found", `there is no image ${reference} on this computer`, {
        hint: `docker images lists what there is; docker pull ${reference} or docker build -t ${reference} . gets it`,
        cause: error,
      });
    });
  const exposed = Object.keys(found.Config?.ExposedPorts ?? {})
    .filter((port) => !port.endsWith("/udp"))
    .map((port) => Number.parseInt(port, 10));
  return { id: found.Id, architecture: found.Architecture, exposed, size: found.Size };
}
