import { BlockList, isIP } from "node:net";
import type { Manifest } from "./schema.ts";

/** Addresses that no CA can reach (IANA's special-purpose registries, those that machines really have). */
const PRIVATE = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  // For examples in texts (RFC 5737): nobody has these.
  ["192.0.2.0", 24],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
] as const)
  PRIVATE.addSubnet(net, bits);
for (const [net, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
  ["2001:db8::", 32],
] as const)
  PRIVATE.addSubnet(net, bits, "ipv6");

/** Can the whole world reach this address? */
export function isPublic(address: string): boolean {
  return !PRIVATE.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/**
 * What a service is called over HTTPS on a machine: its domain; without one, the machine's address where a CA can reach
 * it, or where the manifest asks for it. Undefined: plain HTTP.
 */
export function secureHost(manifest: Manifest, address: string): string | undefined {
  if (manifest.tls === "off") return undefined;
  if (manifest.domain !== undefined) return manifest.domain;
  if (isIP(address) === 0) return undefined;
  return isPublic(address) || manifest.tls !== undefined ? address : undefined;
}

/** Where a service is called: by its name, else by the machine's address; `secured` false: its certificate is still to come. */
export function endpoint(manifest: Manifest, address: string, secured: boolean = true): string {
  const host = secured ? secureHost(manifest, address) : undefined;
  const [scheme, port, usual] =
    host === undefined ? ["http", manifest.edge.port, 80] : ["https", manifest.edge.https, 443];
  const name = host ?? manifest.domain ?? address;
  return `${scheme}://${isIP(name) === 6 ? `[${name}]` : name}${port === usual ? "" : `:${port}`}${manifest.prefix ?? ""}`;
}
