import type { Order } from "../../../contract/order.ts";
import { sleep } from "drayage-clock";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { Failure } from "../../../base/failure.ts";
import { isClosed } from "../../../edge/keys.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import type { Seen } from "./observe.ts";
import { isPublic } from "../../../manifest/endpoint.ts";

const LOOKUP_MS = 2000;

/** The machine that a service is about to be open on. */
export interface Opened {
  manifest: Manifest;
  seen: Seen;
  /** Where clients reach the machine: a name or an address. */
  address: string;
}

/**
 * Refuses to open a service to the whole world where nobody said that this is meant: a public address, or a name that
 * leads to one. In a private network a service without keys is as open as that network. @throws Failure keys.open
 */
export async function refuseOpen(
  { manifest, seen, address }: Opened,
  { mode, consent }: Pick<Order, "mode" | "consent">,
): Promise<void> {
  // Without a manifest, whoever is shown the plan says yes to it.
  if (mode === "plan" || (manifest.file === undefined && consent === "asked")) return;
  const { service, keys, domain } = manifest;
  const before = seen.state.services[service];
  if (keys !== undefined || (before !== undefined && isClosed(before))) return;
  const named = domain === undefined ? [address] : [address, domain];
  const found = await Promise.all(named.map(publicAddress));
  const world = found.find((each) => each !== undefined);
  if (world === undefined) return;
  throw new Failure(
    "keys.open",
    `anybody in the world could call ${service} at ${world}, and nobody said that this is meant`,
    {
      hint:
        manifest.file === undefined
          ? "--open says that it is; or dray init writes a manifest with a key"
          : "keys: {partners: {env: PARTNER_KEY}} in the manifest closes it; keys: off there, or --open, says that it is meant",
    },
  );
}

/** The public address behind a name or an address, where there is one. */
async function publicAddress(host: string): Promise<string | undefined> {
  if (isIP(host) !== 0) return isPublic(host) ? host : own(host).find(isPublic);
  const over = new AbortController();
  // A name that cannot be asked leads nowhere, as far as is known here.
  const late = sleep(LOOKUP_MS, over.signal).then(() => []);
  const found = await Promise.race([lookup(host, { all: true }), late]).catch(() => []);
  over.abort();
  late.catch(() => undefined);
  return found.map((each) => each.address).find(isPublic);
}

/** The IPv4 addresses of this computer, where it is the machine itself: its loopback is not where clients come in. */
function own(host: string): string[] {
  if (!host.startsWith("127.")) return [];
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.filter((each) => each.family === "IPv4").map((each) => each.address);
}
