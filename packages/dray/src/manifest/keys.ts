import { randomBytes } from "node:crypto";
import type { Context } from "../core/context.ts";
import type { Callers, Key } from "../core/keys.ts";
import { refuseGuessable } from "./guessable.ts";
import { hashed, keptKey } from "./kept-keys.ts";
import type { Manifest } from "./schema.ts";
import { valueOf } from "./secrets.ts";

/** Who may call, as it goes to a machine: keys as hashes. @throws Failure manifest.secret-missing, manifest.invalid */
export async function keysOf(manifest: Manifest, mode: "plan" | "perform", { signal }: Context): Promise<Callers> {
  const { keys } = manifest;
  if (keys === undefined || keys === "off") return keys;
  const at = new Date().toISOString();
  // A plan names the callers; their keys may be somewhere else.
  if (mode === "plan")
    return Object.fromEntries(
      Object.keys(keys).map((name): [string, Key] => [name, { sha256: "", from: "manifest", at }]),
    );
  const all = await Promise.all(
    Object.entries(keys).map(async ([name, source]): Promise<[string, Key]> => {
      if ("sha256" in source) return [name, { sha256: source.sha256, from: "manifest", at }];
      const value = await valueOf(name, source, manifest.folder, signal);
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

/** A new key for a caller: its value is shown once and kept nowhere. */
export function newKey(): { value: string; key: Key } {
  const value = `dray_${randomBytes(24).toString("base64url")}`;
  return { value, key: { sha256: hashed(value), from: "command", at: new Date().toISOString() } };
}
