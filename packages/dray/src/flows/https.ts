import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BlockList, isIP } from "node:net";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import { Secret } from "../base/secret.ts";
import type { Context } from "../core/context.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { Https } from "../targets/machines/job.ts";
import { valueOf } from "./secrets.ts";

const DIRECTORIES: Record<string, string> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
};

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
function secureHost(manifest: Manifest, address: string): string | undefined {
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

/** A path of a service, where clients call it: below its prefix. */
export function under(base: string, below: string): string {
  const url = new URL(base);
  return new URL(url.pathname.replace(/\/$/, "") + (below.startsWith("/") ? below : `/${below}`), url).href;
}

/** Everything about a service's HTTPS on one machine; a plan does without the key. @throws Failure tls.bad-certificate, manifest.secret-missing */
export async function httpsOf(
  manifest: Manifest,
  address: string,
  context: Context,
  planning: boolean = false,
): Promise<Https | undefined> {
  const host = secureHost(manifest, address);
  if (host === undefined) return undefined;
  const port = manifest.edge.https;
  const tls = manifest.tls === "off" ? undefined : manifest.tls;
  if (tls?.certificate !== undefined && tls.key !== undefined) {
    const pem = await own(manifest, tls.certificate, host, tls.key, context).catch((error: unknown) => {
      if (!planning || !(error instanceof Failure) || error.code !== "manifest.secret-missing") throw error;
      return undefined;
    });
    // Without the key nobody knows whether the certificate is the one that is there: the plan says that it is set up.
    if (pem === undefined) return { host, port, wish: { fingerprint: "", address } };
    const fingerprint = createHash("sha256").update(pem.reveal()).digest("hex").slice(0, 16);
    return { host, port, pem, wish: { fingerprint, address } };
  }
  const acme = tls?.acme ?? "letsencrypt";
  return {
    host,
    port,
    wish: {
      directory: DIRECTORIES[acme] ?? acme,
      ...(tls?.email === undefined ? {} : { email: tls.email }),
      ...(tls?.ca === undefined ? {} : { ca: await read(manifest, tls.ca) }),
      address,
    },
  };
}

async function own(
  manifest: Manifest,
  file: string,
  host: string,
  source: Parameters<typeof valueOf>[1],
  context: Context,
): Promise<Secret> {
  const chain = await read(manifest, file);
  const key = await valueOf("tls.key", source, manifest.folder, context.signal);
  const bad = (message: string, hint: string, cause?: unknown): Failure =>
    new Failure("tls.bad-certificate", message, { hint, ...(cause === undefined ? {} : { cause }) });
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chain);
  } catch (error) {
    throw bad(`${file} holds no certificate`, "PEM: the certificate first, then its chain", error);
  }
  const fits = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (fits === undefined)
    throw bad(`${file} is for ${certificate.subjectAltName ?? certificate.subject}, not for ${host}`, "right domain?");
  if (Date.parse(certificate.validTo) < Date.now())
    throw bad(`${file} ended on ${certificate.validTo}`, "get a new one, or leave tls.certificate out");
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("another key");
  } catch {
    // What OpenSSL says of a key could quote it.
    throw bad(`the key is not the one of ${file}`, "PEM, without a passphrase");
  }
  return new Secret(`${key.trim()}\n${chain.trim()}\n`);
}

async function read(manifest: Manifest, file: string): Promise<string> {
  return await readFile(path.resolve(manifest.folder, file), "utf8").catch((error: unknown) => {
    throw new Failure("tls.bad-certificate", `${file} cannot be read`, {
      hint: "the path counts from the manifest's folder",
      cause: error,
    });
  });
}
