import type { Order } from "../../../contract/order.ts";
import { secureHost } from "../../../manifest/endpoint.ts";
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import path from "node:path";
import { Failure } from "../../../base/failure.ts";
import { Secret } from "../../../base/secret.ts";
import type { Context } from "../../../core/context.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import type { Https } from "../plan/work.ts";
import { valueOf } from "../../../manifest/secrets.ts";

const DIRECTORIES: Record<string, string> = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  staging: "https://acme-staging-v02.api.letsencrypt.org/directory",
};

/** Everything about a service's HTTPS on one machine; a plan does without the key. @throws Failure tls.bad-certificate, manifest.secret-missing */
export async function httpsOf(
  manifest: Manifest,
  address: string,
  mode: Order["mode"],
  context: Context,
): Promise<Https | undefined> {
  const host = secureHost(manifest, address);
  if (host === undefined) return undefined;
  const port = manifest.edge.https;
  const tls = manifest.tls === "off" ? undefined : manifest.tls;
  if (tls?.certificate !== undefined && tls.key !== undefined) {
    const pem = await ownCertificate({ manifest, host }, tls.certificate, tls.key, context).catch((error: unknown) => {
      if (mode === "perform" || !(error instanceof Failure) || error.code !== "manifest.secret-missing") throw error;
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

async function ownCertificate(
  { manifest, host }: { manifest: Manifest; host: string },
  file: string,
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
