import { randomBytes } from "node:crypto";
import { Failure } from "../../../base/failure.ts";
import { engineAuth, type FindLogin } from "../../../oci/login.ts";
import { parseReference } from "../../../oci/reference.ts";
import type { Context } from "../../../core/context.ts";
import type { OnBytes } from "../../../core/registry.ts";
import type { Machine } from "../../../machine/machine.ts";
import { carry, direct } from "../../../registries/direct.ts";
import { isThere } from "./own-image.ts";

/** An image that a machine is to have by its own name. */
export interface NamedImage {
  image: string;
  /** The step whose progress is told. */
  step: string;
  /** `the edge's image`, for people. */
  what: string;
  /** What to do where nobody has it. */
  hint: string;
}

/** Brings an image to a machine: it is there, or this computer's engine has it, or the machine pulls it, with the login that there is (Docker Hub gives strangers little). @throws Failure image.not-found */
export async function supplyNamed(
  machine: Machine,
  { image, step, what, hint }: NamedImage,
  findLogin: FindLogin,
  context: Context,
): Promise<void> {
  const { engine, name } = machine;
  const { signal } = context;
  if (await isThere(machine, image, context)) return;
  // What is named by its digest keeps that name only where it was pulled.
  if (!image.includes("@") && (await carryFromHere(machine, image, step, context))) return;
  try {
    const { registry } = parseReference(image);
    const headers = engineAuth(registry, await findLogin(registry, signal));
    const query = { fromImage: image };
    for await (const _line of engine.stream("POST", "/images/create", { query, headers, signal }));
  } catch (error) {
    signal.throwIfAborted();
    throw new Failure(
      "image.not-found",
      `${name} cannot pull ${what} ${image}, and it is not on this computer either`,
      {
        hint,
        details: [error instanceof Error ? error.message : String(error)],
        cause: error,
      },
    );
  }
}

function telling(machine: Machine, step: string, context: Context): OnBytes {
  return (done, total) => context.emit({ type: "step.progress", step, on: machine.name, done, total, unit: "bytes" });
}

async function carryFromHere(machine: Machine, image: string, step: string, context: Context): Promise<boolean> {
  const { engine } = machine;
  const { signal } = context;
  // A name of its own: two services may be the machine's first at once.
  const carried = `carried-${randomBytes(4).toString("hex")}`;
  try {
    const { digest } = await direct.load(image, "edge", context);
    await carry(machine, { digest, name: "edge", tag: carried }, telling(machine, step, context), signal);
  } catch (error) {
    const missing = error instanceof Failure && ["image.not-found", "docker.local-missing"].includes(error.code);
    if (missing) return false;
    throw error;
  }
  const [repo, tag = "latest"] = image.split(/:(?=[^/]*$)/);
  await engine.post(`/images/dray/edge:${carried}/tag`, { query: { repo: repo ?? image, tag }, signal });
  await engine.call("DELETE", `/images/dray/edge:${carried}`, { query: { noprune: true }, signal });
  return true;
}
