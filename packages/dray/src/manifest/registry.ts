import { type FindLogin, findLogin } from "../oci/login.ts";
import { parseReference } from "../oci/reference.ts";
import { Secret } from "../base/secret.ts";
import type { Manifest } from "./schema.ts";
import { valueOf } from "./secrets.ts";

/** The login for a registry: the manifest's own where it has one for it, else what this computer has. */
export function loginsOf({ registry, folder }: Manifest): FindLogin {
  if (typeof registry !== "object" || registry.user === undefined || registry.password === undefined) return findLogin;
  const { user, password } = registry;
  const { registry: host } = parseReference(`${registry.at}/x`);
  return async (asked, signal) => {
    if (asked !== host) return await findLogin(asked, signal);
    const value = await valueOf("registry.password", password, folder, signal);
    return { user, password: new Secret(value), from: "the manifest's registry.password" };
  };
}

/** Where the manifest wants its images: `REGISTRY/FOLDER/SERVICE`; undefined: in no registry. */
export function repositoryOf({ registry, service }: Manifest): string | undefined {
  if (registry === undefined) return undefined;
  return `${(typeof registry === "string" ? registry : registry.at).replace(/\/$/, "")}/${service}`;
}
