import * as z from "zod";

const certificate = z.object({
  /** The CA's ACME directory; undefined: the certificate is the user's own, and lies in the volume already. */
  directory: z.string().optional(),
  email: z.string().optional(),
  /** PEM of a CA that signs the directory's own certificate, where the world does not know it. */
  ca: z.string().optional(),
  /** Changes with the user's own certificate. */
  fingerprint: z.string().optional(),
  /** The machine's address as clients have it: what a name should resolve to. */
  address: z.string().optional(),
});
/** A certificate that a host name or an address must always have. */
export type CertificateWish = z.infer<typeof certificate>;

const shadow = z.object({
  release: z.string(),
  /** `http://address:port` of each replica. */
  servers: z.array(z.string()).min(1),
  timeoutMs: z.number(),
  /** The name by which it is asked; older drays did not say it. */
  host: z.string().optional(),
  /** The share of requests that is copied, in percent: for the report. */
  share: z.number(),
  /** Numbers closer than this, relative to the larger one, count as equal. */
  tolerance: z.number(),
});
/** A release that gets copies of real requests. */
export type ShadowWish = z.infer<typeof shadow>;

export const wish = z.object({
  /** By host: a name or an IP address. */
  certificates: z.record(z.string(), certificate).default({}),
  /** By service. */
  shadows: z.record(z.string(), shadow).default({}),
});
/** What the keeper must see to: the part `keeper` of the edge's state. */
export type KeeperWish = z.infer<typeof wish>;
