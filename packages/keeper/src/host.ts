import { isIP } from "node:net";

/**
 * The name that our own requests carry (Host): what clients call the service, so that an API which is strict about names
 * is asked as they ask it. Undefined where an older dray did not say the machine's address.
 */
export function hostOf(
  { host, domain }: { host?: string | undefined; domain?: string | undefined },
  address: string | undefined,
): string | undefined {
  return host ?? domain ?? (address !== undefined && isIP(address) === 6 ? `[${address}]` : address);
}

/** The same as a header, where it is known. */
export function hostHeader(name: string | undefined): { host?: string } {
  return name === undefined ? {} : { host: name };
}
