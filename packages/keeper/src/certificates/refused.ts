import { isIP } from "node:net";

/** A CA that gave no certificate: the kind of ACME problem (RFC 8555, 6.7) and its own words. */
export class Refused extends Error {
  readonly kind: string;
  /** Milliseconds that the CA asked to wait. */
  readonly waitMs: number | undefined;

  constructor(kind: string, message: string, options: ErrorOptions & { waitMs?: number | undefined } = {}) {
    super(message, options);
    this.kind = kind;
    this.waitMs = options.waitMs;
  }
}

/** What to do about a refusal, for whoever reads it in a terminal. */
export function fixFor(host: string, address: string | undefined, error: Refused): string {
  const here = address ?? "this machine's address";
  const { kind, message } = error;
  if (kind === "caa") return `let this CA in: a CAA record of ${host} names another one`;
  if (kind === "rateLimited" || /rate.?limit|too many/i.test(message))
    return "nothing: it is tried again when the CA allows; a staging directory has wider limits (tls: {acme: ...})";
  if (kind === "rejectedIdentifier" || kind === "unsupportedIdentifier")
    return isIP(host) === 0 ? `is ${host} a public name?` : `this CA gives none for ${host}: set domain:`;
  if (kind === "unresolved" || kind === "dns" || /NXDOMAIN|no valid (A|IP)|lookup|resolving|SERVFAIL/i.test(message))
    return `make an A record: ${host} -> ${here}; drop an AAAA record that is not this machine's`;
  if (kind === "connection" || /timeout|refused|fetching/i.test(message))
    return `open TCP 80 of ${here} to everybody, not only to yourself; dray trace names who drops it`;
  if (kind === "unauthorized" || kind === "incorrectResponse")
    return `${host} leads to another server: make its A record ${here}, without a CDN in between`;
  return "it is tried again by itself";
}
