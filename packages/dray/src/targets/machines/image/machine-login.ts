import { type FindLogin, type Login, TOKEN_USER } from "../../../oci/login.ts";
import { isGoogle } from "../../../oci/reference.ts";
import { Secret } from "../../../base/secret.ts";
import type { Machine } from "../../../machine/machine.ts";

/** Compute Engine's metadata server, which only the machine itself reaches ("Access tokens", Compute Engine's guide). */
const URL = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
const ASK = `curl -sf -m 3 -H "Metadata-Flavor: Google" ${URL} || wget -qO- -T 3 --header="Metadata-Flavor: Google" ${URL}`;

/** The login that this computer has; where it has none for a registry of Google's, the machine's own service account. */
export function orMachines(find: FindLogin, machine: Machine): FindLogin {
  return async (registry, signal) =>
    (await find(registry, signal)) ?? (isGoogle(registry) ? await accountOf(machine, signal) : undefined);
}

async function accountOf(machine: Machine, signal: AbortSignal): Promise<Login | undefined> {
  const { code, stdout } = await machine.run(["sh", "-c", ASK], { signal });
  if (code !== 0) return undefined;
  try {
    const { access_token: token } = JSON.parse(stdout) as { access_token: string };
    return { user: TOKEN_USER, password: new Secret(token), from: `the service account of ${machine.name}` };
  } catch {
    // Something else answers at that name: no login.
    return undefined;
  }
}
