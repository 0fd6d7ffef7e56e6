import { Failure } from "../base/failure.ts";
import { Secret } from "../base/secret.ts";
import type { Context } from "../core/context.ts";
import { releaseId } from "../core/release.ts";
import { keptOf } from "../machine/edge-state.ts";
import type { Where } from "../machine/machine.ts";
import { loadGolden } from "../manifest/golden.ts";
import type { Manifest } from "../manifest/schema.ts";
import { imageName } from "../targets/machines/bring.ts";
import { edgeOf, survey } from "../targets/machines/observe.ts";
import type { Wish } from "../targets/machines/steps.ts";
import { origin } from "./build.ts";
import { carryOutOn, type DeployOptions, type Outcome } from "./deploy.ts";
import { withMachine, withSite } from "./fleet.ts";
import { keysOf } from "./keys.ts";
import { serviceOn } from "./look.ts";
import { reachedBy } from "./reached-by.ts";

/**
 * Gives a secret a new value on a machine: the live release is started anew beside itself with it, proved, and gets the
 * traffic. Nobody's request is lost; where the new value does not work, the old one stays. @throws Failure secrets.unknown
 */
export async function setSecret(
  manifest: Manifest,
  where: Where,
  named: { name: string; value: string },
  options: DeployOptions,
  context: Context,
): Promise<Outcome> {
  const secrets = new Map([...context.secrets, [named.name, new Secret(named.value)] as const]);
  const equipped: Context = { ...context, secrets };
  const [from, golden, keys] = await Promise.all([
    origin(manifest.folder, context),
    loadGolden(manifest),
    keysOf(manifest, context),
  ]);
  return await withMachine(where, options.ssh, equipped, async (machine) => {
    const { site, seen } = await survey(machine, { port: manifest.edge.port, bringing: false }, equipped);
    await serviceOn(site, manifest.service);
    const service = edgeOf(site).known.services[manifest.service];
    const live = service && keptOf(service, service.current)?.release;
    if (live === undefined) throw new TypeError("no live release");
    checkName(live.settings.secrets, named.name, live.id);
    const release = { ...live, id: releaseId(Date.now(), Math.random), from };
    const reached = await reachedBy(manifest, machine, seen.architecture, { needed: true, planning: false }, equipped);
    const own = live.image.startsWith("sha256:");
    const wish: Wish = {
      release,
      source: own ? { via: "here" } : { via: "tag", image: imageName(live) },
      again: false,
      rotates: [named.name],
      ...reached.wish,
    };
    return await carryOutOn(
      where,
      { manifest, site, seen, wish, https: reached.https, keys, golden },
      options,
      equipped,
    );
  });
}

function checkName(names: readonly string[], name: string, release: string): void {
  if (names.includes(name)) return;
  throw new Failure("secrets.unknown", `${release} has no secret ${name}`, {
    hint: names.length === 0 ? "secrets: in the manifest names them" : `it has: ${names.join(", ")}`,
  });
}

/** The names of the live release's secrets on a machine, and how its container gets each. */
export async function listSecrets(
  where: Where,
  options: DeployOptions,
  service: string,
  context: Context,
): Promise<{ name: string; as: "env" | "file" }[]> {
  return await withSite(where, options.ssh, context, async (site) => {
    const known = await serviceOn(site, service);
    const settings = keptOf(known, known.current)?.release.settings;
    return (settings?.secrets ?? []).map((name) => ({
      name,
      as: settings?.secretFiles?.includes(name) === true ? "file" : "env",
    }));
  });
}
