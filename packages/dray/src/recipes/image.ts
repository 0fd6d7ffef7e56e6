import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { type ImageFacts, type Recipe, tcpPorts } from "../core/recipe.ts";
import { type Engine, EngineError, isMissing } from "../machine/engine.ts";
import { local } from "../machine/local.ts";
import { keptImage } from "./kept-image.ts";

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
      if (error instanceof EngineError && error.status === 400) {
        throw new Failure("image.bad-name", `"${reference}" cannot be the name of an image`, {
          hint: "image names are lower case: name:tag, or registry/folder/name:tag",
          cause: error,
        });
      }
      if (!isMissing(error)) throw error;
      throw new Failure("image.not-found", `there is no image ${reference} on this computer`, {
        hint: `docker images lists what there is; docker pull ${reference} or docker build -t ${reference} . gets it`,
        cause: error,
      });
    });
  const exposed = tcpPorts(found.Config?.ExposedPorts);
  return { id: found.Id, architecture: found.Architecture, exposed, size: found.Size };
}

/** An image that exists: on this computer, carried from it before, or where the machine can pull it. */
export const image: Recipe = {
  kind: "image",
  perArchitecture: false,
  wants: (order) => order.image !== undefined,
  make: async ({ image: reference = "" }, _architecture, context) => {
    // An engine may have pulled that digest since, packed in another way: the very bytes that were carried come first.
    const kept = await keptImage(reference);
    if (kept !== undefined) return kept;
    try {
      await using here = await local(context.signal);
      return { reference, facts: await inspectImage(here.engine, reference, context) };
    } catch (error) {
      // Not here: then perhaps in a registry that the machine reaches by itself.
      if (error instanceof Failure && (error.code === "image.not-found" || error.code === "docker.local-missing"))
        return { reference };
      throw error;
    }
  },
};
