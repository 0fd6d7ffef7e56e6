import { randomBytes } from "node:crypto";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { isClosed, METRICS_CALLER } from "../machine/edge-keys.ts";
import type { Key, ServiceState } from "../machine/edge-state.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { callerNameOf } from "../manifest/parts.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { Callers } from "../targets/machines/callers.ts";
import { takeLock } from "../targets/machines/lock.ts";
import { edgeOf } from "../targets/machines/observe.ts";
import { withSite } from "./fleet.ts";
import { refuseGuessable } from "./guessable.ts";
import { hashed, keptKey } from "./kept-keys.ts";
import { serviceOn } from "./look.ts";
import { valueOf } from "./secrets.ts";

/** Who may call, as it goes to a machine: keys as hashes. @throws Failure manifest.secret-missing, manifest.invalid */
export async function keysOf(manifest: Manifest, context: Context, planning: boolean = false): Promise<Callers> {
  const { keys } = manifest;
  if (keys === undefined || keys === "off") return keys;
  const at = new Date().toISOString();
  // A plan names the callers; their keys may be somewhere else.
  if (planning)
    return Object.fromEntries(
      Object.keys(keys).map((name): [string, Key] => [name, { sha256: "", from: "manifest", at }]),
    );
  const all = await Promise.all(
    Object.entries(keys).map(async ([name, source]): Promise<[string, Key]> => {
      if ("sha256" in source) return [name, { sha256: source.sha256, from: "manifest", at }];
      const value = await valueOf(name, source, manifest.folder, context.signal);
      refuseGuessable(name, value);
      return [name, { sha256: hashed(value), from: "manifest", at }];
    }),
  );
  return Object.fromEntries(all);
}

/** A key that this computer may use itself: the first of the manifest's whose value is here. */
export async function ownKey(manifest: Manifest, signal: AbortSignal): Promise<Record<string, string>> {
  if (typeof manifest.keys !== "object") return {};
  for (const [name, source] of Object.entries(manifest.keys)) {
    // Without a key the edge says that one is missing: that is an answer, too.
    const value =
      "sha256" in source
        ? await keptKey(source.sha256)
        : await valueOf(name, source, manifest.folder, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (value !== undefined) return { authorization: `Bearer ${value}` };
  }
  return {};
}

/** Who may call a service on a machine. */
export async function listKeys(where: Where, ssh: SshOptions, service: string, context: Context): Promise<Access> {
  return await withSite(where, ssh, context, async (site) => accessOf(await serviceOn(site, service)));
}

/** The callers that have a key, and whether one is needed. */
export interface Access {
  closed: boolean;
  keys: Record<string, Key>;
}

function accessOf(service: ServiceState | undefined): Access {
  return { closed: service !== undefined && isClosed(service), keys: service?.keys ?? {} };
}

/** A new key for a caller: its value is shown once and kept nowhere. */
export function newKey(): { value: string; key: Key } {
  const value = `dray_${randomBytes(24).toString("base64url")}`;
  return { value, key: { sha256: hashed(value), from: "command", at: new Date().toISOString() } };
}

/** Lets a caller in, from the next request on; a service that was open is closed by it. @throws Failure keys.taken */
export async function addKey(
  where: Where,
  ssh: SshOptions,
  service: string,
  named: { name: string; key: Key },
  who: string,
  context: Context,
): Promise<void> {
  await changeKeys(where, ssh, service, { who, did: { added: named.name } }, context, (keys) => {
    if (Object.hasOwn(keys, named.name)) {
      throw new Failure("keys.taken", `${named.name} has a key already`, {
        hint: `dray keys revoke ${named.name}, then add it again`,
      });
    }
    return { ...keys, [named.name]: named.key };
  });
}

/** Shuts a caller out, from the next request on; the service stays closed, also when nobody is left. @throws Failure keys.unknown */
export async function revokeKey(
  where: Where,
  ssh: SshOptions,
  service: string,
  name: string,
  who: string,
  context: Context,
): Promise<Access> {
  return await changeKeys(where, ssh, service, { who, did: { revoked: name } }, context, (keys) => {
    const gone = [name, callerNameOf(name)].find((each) => Object.hasOwn(keys, each));
    if (gone === undefined) {
      const known = Object.keys(keys);
      throw new Failure("keys.unknown", `${name} has no key`, {
        hint: known.length === 0 ? "nobody has one" : `those who have: ${known.join(", ")}`,
      });
    }
    return Object.fromEntries(Object.entries(keys).filter(([each]) => each !== gone));
  });
}

async function changeKeys(
  where: Where,
  ssh: SshOptions,
  service: string,
  { who, did }: { who: string; did: object },
  context: Context,
  change: (keys: Record<string, Key>) => Record<string, Key>,
): Promise<Access> {
  return await withSite(where, ssh, context, async (site) => {
    await serviceOn(site, service);
    const edge = edgeOf(site);
    const lease = await takeLock(edge, service, who, context.signal);
    try {
      const { after } = await edge.change(
        service,
        (state) => {
          const known = state.services[service];
          if (known === undefined) throw new TypeError(`${service} went away`);
          const keys = change(known.keys ?? {});
          // A key that is only for the numbers closes nothing.
          const added = Object.keys(keys).filter((name) => !Object.hasOwn(known.keys ?? {}, name));
          const closed = isClosed(known) || added.some((name) => name !== METRICS_CALLER);
          return { ...state, services: { ...state.services, [service]: { ...known, keys, closed } } };
        },
        () => ({ at: new Date().toISOString(), who, service, ...did }),
      );
      return accessOf(after.services[service]);
    } finally {
      await lease.release();
    }
  });
}
