import { isAbsolute } from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Place } from "../../contract/place.ts";
import type { Manifest } from "../../manifest/schema.ts";

/** Every machine of a manifest, or only the one called `only`. @throws Failure usage.invalid */
export function placesOf(manifest: Manifest, only?: string): Place[] {
  const all: Place[] =
    manifest.machines === undefined
      ? [{ name: shortName(manifest.machine ?? ""), at: manifest.machine ?? "" }]
      : Object.entries(manifest.machines).map(([name, at]) => ({ name, at }));
  if (only === undefined) return all;
  const found = all.filter((place) => place.name === only || place.at === only);
  if (found.length > 0) return found;
  throw new Failure("usage.invalid", `no machine ${only} in the manifest`, {
    hint: `there are: ${all.map((place) => place.name).join(", ")}`,
  });
}

function shortName(ssh: string): string {
  return isAbsolute(ssh) ? ssh : ssh.replace(/^ssh:\/\//, "");
}
