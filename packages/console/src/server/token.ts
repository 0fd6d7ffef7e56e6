import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const BYTES = 32;

/** A secret of 256 bits that nobody has seen yet. */
export function newToken(): string {
  return randomBytes(BYTES).toString("base64url");
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Whether an Authorization header carries the token; how long that takes says nothing about it. */
export function carries(authorization: string | undefined, token: string): boolean {
  const [, given = ""] = /^Bearer ([\w-]+)$/.exec(authorization ?? "") ?? [];
  return timingSafeEqual(digest(given), digest(token)) && given !== "";
}
