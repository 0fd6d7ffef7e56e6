import { Failure } from "../../base/failure.ts";
import { Secret } from "../../base/secret.ts";
import type { Order } from "../../contract/order.ts";
import { releaseId } from "../../core/release.ts";
import type { Kube } from "./client/api.ts";
import { envSecretName } from "./objects/names.ts";
import type { ConfigMapObject } from "./objects/record.ts";
import type { KubeWanted } from "./objects/wanted.ts";
import type { Found } from "./sight.ts";

type Values = ReadonlyMap<string, { reveal(): string }>;

export const liveOf = ({ releases, current }: Found): KubeWanted | undefined =>
  releases.find(({ wanted }) => wanted.release.id === current)?.wanted;

/**
 * The values of a release's secrets: those that this computer has, and of the others the live release's, which only the
 * cluster knows. A plan needs none. @throws Failure manifest.secret-missing
 */
export async function valuesFor(
  kube: Kube,
  { wanted, found, mode }: { wanted: KubeWanted; found: Found; mode: Order["mode"] },
  given: Values,
): Promise<Values> {
  const { secrets } = wanted.release.settings;
  if (mode === "plan" || secrets.every((name) => given.has(name))) return given;
  const kept = await keptValues(kube, found);
  const missing = secrets.find((name) => !given.has(name) && !kept.has(name));
  if (missing === undefined) return new Map([...kept, ...given]);
  throw new Failure("manifest.secret-missing", `the secret ${missing} is not in the cluster`, {
    hint: `give it a source here for the first deploy: secrets: {${missing}: {env: ${missing}}}`,
  });
}

async function keptValues(kube: Kube, found: Found): Promise<Values> {
  const live = liveOf(found)?.release;
  // A Secret's data are a ConfigMap's, in base64.
  const secret = live && (await kube.find<ConfigMapObject>("Secret", envSecretName(live.service, live.id)));
  const values = Object.entries(secret?.data ?? {}).map(([name, value]): [string, Secret] => [
    name,
    new Secret(Buffer.from(value, "base64").toString("utf8")),
  ]);
  return new Map(values);
}

/** The live release once more, for a new value of one of its secrets. @throws Failure service.unknown, secrets.unknown */
export function rotated({ want, from, manifest }: Order, found: Found): KubeWanted {
  const live = liveOf(found);
  if (live === undefined)
    throw new Failure("service.unknown", `${manifest.service} does not run in ${found.namespace}`, {
      hint: "dray deploy --target kubernetes starts it",
    });
  const { secrets } = live.release.settings;
  if (want.verb === "rotate" && !secrets.includes(want.secret))
    throw new Failure("secrets.unknown", `${live.release.id} has no secret ${want.secret}`, {
      hint: secrets.length > 0 ? `it has: ${secrets.join(", ")}` : "it has none; secrets: in the manifest",
    });
  return { ...live, release: { ...live.release, id: releaseId(Date.now(), Math.random), from } };
}
