import { forgetToken } from "../../../google/token.ts";
import { Failure } from "../../../base/failure.ts";
import { engineAuth, type FindLogin } from "../../../oci/login.ts";
import { checkName } from "../../../oci/reference.ts";
import { explainRefusal } from "../../../oci/refused.ts";
import type { Context } from "../../../core/context.ts";
import type { Machine } from "../../../machine/machine.ts";

/**
 * The digest and architectures that a machine's engine finds in a registry; a token that has ended is got anew, once.
 * @throws Failure image.not-found, registry.*
 */
export async function askRegistry(
  machine: Machine,
  reference: string,
  find: FindLogin,
  context: Context,
): ReturnType<typeof askOnce> {
  try {
    return await askOnce(machine, reference, find, context);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "registry.unauthorized") throw error;
    forgetToken();
    return await askOnce(machine, reference, find, context);
  }
}

async function askOnce(
  machine: Machine,
  reference: string,
  find: FindLogin,
  context: Context,
): Promise<{ digest: string; architectures: string[] }> {
  interface Distribution {
    Descriptor: { digest: string };
    Platforms: { architecture: string }[] | null;
  }
  const parsed = checkName(reference);
  const login = await find(parsed.registry, context.signal);
  try {
    const found = await machine.engine.get<Distribution>(`/distribution/${reference}/json`, {
      headers: engineAuth(parsed.registry, login),
      signal: context.signal,
    });
    return {
      digest: found.Descriptor.digest,
      architectures: (found.Platforms ?? []).map((platform) => platform.architecture),
    };
  } catch (error) {
    context.signal.throwIfAborted();
    // Of a bare name nobody knows whether it was to come from here or from Docker Hub.
    if (parsed.registry !== "docker.io") throw explainRefusal(error, { reference: parsed, where: machine.name, login });
    throw new Failure(
      "image.not-found",
      `there is no image ${reference} on this computer, and ${machine.name} cannot pull it`,
      {
        hint: `docker images lists what there is here; docker build -t ${reference} . makes it`,
        details: [error instanceof Error ? error.message : String(error)],
        cause: error,
      },
    );
  }
}

/** Refuses an image for another processor before anything is sent. @throws Failure image.wrong-arch */
export function checkArchitecture(
  image: string,
  has: readonly string[],
  machine: { name: string; architecture: string },
): void {
  if (has.length === 0 || has.includes(machine.architecture)) return;
  throw new Failure(
    "image.wrong-arch",
    `${image} is for ${has.join(", ")}, and ${machine.name} is ${machine.architecture}`,
    {
      hint: `docker build --platform linux/${machine.architecture} ...; or let dray build it: build: . in the manifest`,
    },
  );
}
