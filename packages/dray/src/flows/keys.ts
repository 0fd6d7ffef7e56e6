import { createHash, randomBytes } from "node:crypto";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Key, ServiceState } from "../machine/edge-state.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import type { Manifest } from "../manifest/schema.ts";
import { takeLock } from "../targets/machines/lock.ts";
import { edgeOf } from "../targets/machines/observe.ts";
import { withSite } from "./fleet.ts";
import { serviceOn } from "./look.ts";
import { valueOf } from "./secrets.ts";

const SHORTEST = 16;

const hashed = (key: string): string => createHash("sha256").update(key).digest("hex");

/** The manifest's keys, as they go to a machine: hashes. @throws Failure manifest.secret-missing, manifest.invalid */
export async function keysOf(
  manifest: Manifest,
  context: Context,
  planning: boolean = false,
): Promise<Record<string, Key> | undefined> {
  if (manifest.keys === undefined) return undefined;
  const at = new Date().toISOString();
  // A plan names the callers; their keys may be somewhere else.
  if (planning)
    return Object.fromEntries(
      Object.keys(manifest.keys).map((name): [string, Key] => [name, { sha256: "", from: "manifest", at }]),
    );
  const all = await Promise.all(
    Object.entries(manifest.keys).map(async ([name, source]): Promise<[string, Key]> => {
      const value = await valueOf(name, source, manifest.folder, context.signal);
      if (value.length < SHORTEST) {
        throw new Failure("manifest.invalid", `the key of ${name} has fewer than ${SHORTEST} characters`, {
          hint: "make one: openssl rand -base64 24",
        });
      }
      return [name, { sha256: hashed(value), from: "manifest", at }];
    }),
  );
  return Object.fromEntries(all);
}

/** A key that this computer may use itself: the manifest's first. Undefined where there is none, or its value is not here. */
export async function ownKey(manifest: Manifest, signal: AbortSignal): Promise<Record<string, string>> {
  const [first] = Object.entries(manifest.keys ?? {});
  if (first === undefined) return {};
  try {
    return { authorization: `Bearer ${await valueOf(first[0], first[1], manifest.folder, signal)}` };
  } catch {
    // Whoever asks without one is told so by the edge: that is an answer, too.
    signal.throwIfAborted();
    return {};
  }
}

/** Who may call a service on a machine. */
export async function listKeys(
  where: Where,
  ssh: SshOptions,
  service: string,
  context: Context,
): Promise<Record<string, Key>> {
  return await withSite(where, ssh, context, async (site) => (await serviceOn(site, service)).keys ?? {});
}

/** A new key for a caller: its value is shown once and kept nowhere. */
export function newKey(): { value: string; key: Key } {
  const value = `dray_${randomBytes(24).toString("base64url")}`;
  return { value, key: { sha256: hashed(value), from: "command", at: new Date().toISOString() } };
}

/** Lets a caller in, from the next request on. @throws Failure keys.taken */
export async function addKey(
  where: Where,
  ssh: SshOptions,
  service: string,
  named: { name: string; key: Key },
  who: string,
  context: Context,
): Promise<void> {
  await changeKeys(where, ssh, service, { who, did: { added: named.name } }, context, (keys) => {
    if (keys?.[named.name] !== undefined) {
      throw new Failure("keys.taken", `${named.name} has a key already`, {
        hint: `dray keys revoke ${named.name}, then add it again`,
      });
    }
    return { ...keys, [named.name]: named.key };
  });
}

/** Shuts a caller out, from the next request on. @throws Failure keys.unknown */
export async function revokeKey(
  where: Where,
  ssh: SshOptions,
  service: string,
  name: string,
  who: string,
  context: Context,
): Promise<void> {
  await changeKeys(where, ssh, service, { who, did: { revoked: name } }, context, (keys) => {
    if (keys?.[name] === undefined) {
      const known = Object.keys(keys ?? {});
      throw new Failure("keys.unknown", `${name} has no key`, {
        hint: known.length === 0 ? "nobody has: the service is open" : `those who have: ${known.join(", ")}`,
      });
    }
    const { [name]: _gone, ...rest } = keys;
    return rest;
  });
}

async function changeKeys(
  where: Where,
  ssh: SshOptions,
  service: string,
  { who, did }: { who: string; did: object },
  context: Context,
  change: (keys: ServiceState["keys"]) => Record<string, Key>,
): Promise<void> {
  await withSite(where, ssh, context, async (site) => {
    await serviceOn(site, service);
    const edge = edgeOf(site);
    const lease = await takeLock(edge, service, who, context.signal);
    try {
      await edge.change(
        service,
        (state) => {
          const known = state.services[service];
          if (known === undefined) throw new TypeError(`${service} went away`);
          return { ...state, services: { ...state.services, [service]: { ...known, keys: change(known.keys) } } };
        },
        () => ({ at: new Date().toISOString(), who, service, ...did }),
      );
    } finally {
      await lease.release();
    }
  });
}
