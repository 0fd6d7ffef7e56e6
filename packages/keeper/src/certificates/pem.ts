import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

/** What a certificate file is good for. */
export interface Facts {
  from: Date;
  until: Date;
  issuer: string;
  /** Does it stand for this host? */
  names(host: string): boolean;
}

/** Reads the first certificate of a PEM text; undefined when there is none. */
export function factsOf(pem: string): Facts | undefined {
  const block = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(pem)?.[0];
  if (block === undefined) return undefined;
  const certificate = new X509Certificate(block);
  const issuer = Object.fromEntries(certificate.issuer.split("\n").map((line) => line.split("=") as [string, string]));
  return {
    from: new Date(certificate.validFrom),
    until: new Date(certificate.validTo),
    issuer: issuer["O"] ?? issuer["CN"] ?? "unknown",
    names: (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
  };
}

const YEARS = 20;

/** A certificate that nobody trusts, for whoever asks before there is a real one: TLS must have something to say. */
export async function selfSigned(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const notBefore = new Date();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=no certificate yet,O=Drayage",
    notBefore,
    notAfter: new Date(notBefore.getTime() + YEARS * 365 * 86_400_000),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys,
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g)?.join("\n") ?? "";
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n${certificate.toString("pem")}\n`;
}
