import { createHash } from "node:crypto";

const POLICY = "content-security-policy";

/** Of every answer, refusals included. The page may load its own parts and call its own server, and nothing else. */
export const HEADERS: Readonly<Record<string, string>> = {
  [POLICY]: [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Those of a page with rules of style in it: these rules are permitted by their hash, and no others. */
export function headersWith(styles: readonly string[]): Readonly<Record<string, string>> {
  const hashes = styles.map((style) => ` 'sha256-${createHash("sha256").update(style).digest("base64")}'`);
  const own = "style-src 'self'";
  return { ...HEADERS, [POLICY]: HEADERS[POLICY]?.replace(own, `${own}${hashes.join("")}`) ?? "" };
}
