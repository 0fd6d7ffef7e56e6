import { CATALOGUE } from "../../catalogue.ts";
import { Secret } from "../../base/secret.ts";
import type { Session } from "../../contract/session.ts";
import type { WeightsUse, WeightsWanted } from "../../core/weights.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { valueOf } from "../../manifest/secrets.ts";
import { schemeOf, type WeightsText } from "../../manifest/weights.ts";

/** What the manifest wants beside the image, each told by its content. @throws Failure weights.* */
export async function weightsOf(manifest: Manifest, { signal }: Session): Promise<WeightsWanted[]> {
  const wanted = Object.entries(manifest.weights ?? {}).map(async ([name, text]): Promise<WeightsWanted> => {
    const source = CATALOGUE.weights.find(({ schemes }) => schemes.includes(schemeOf(text.from)));
    if (source === undefined) throw new TypeError(`no source takes ${schemeOf(text.from)}`);
    const { at, from, sha256, only } = text;
    const asked = {
      name,
      from,
      folder: manifest.folder,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(only && { only }),
    };
    return { name, at, ...(await source.pin({ ...asked, ...tokenOf(name, text, manifest) }, signal)) };
  });
  return await Promise.all(wanted);
}

function tokenOf(
  name: string,
  { token }: WeightsText,
  { folder }: Manifest,
): { token?: (signal: AbortSignal) => Promise<Secret> } {
  if (token === undefined) return {};
  return { token: async (signal) => new Secret(await valueOf(`weights.${name}.token`, token, folder, signal)) };
}

/** As a release remembers them. */
export function usesOf(wanted: readonly WeightsWanted[]): { weights?: Record<string, WeightsUse> } {
  if (wanted.length === 0) return {};
  return { weights: Object.fromEntries(wanted.map(({ name, id, from, at }) => [name, { id, from, at }])) };
}
