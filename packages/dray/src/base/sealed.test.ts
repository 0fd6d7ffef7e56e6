import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { beforeAll, expect, test } from "vitest";
import { seal, unseal } from "./sealed.ts";
import { Secret } from "./secret.ts";

const PASSPHRASE = new Secret("four words are quite enough");
const CHEAP = 10;
/** More than one block of age's 64 KiB. */
const PLAIN = Buffer.alloc(150_000, "a model's keys ");

let sealed: Buffer;
beforeAll(async () => {
  sealed = await buffer(await seal(Readable.from([PLAIN]), PASSPHRASE, CHEAP));
});
const opened = async (bytes: Buffer, passphrase: Secret = PASSPHRASE): Promise<Buffer> =>
  await buffer(await unseal(Readable.from([bytes]), passphrase));

test("what was sealed comes back, and cannot be read on the way", async () => {
  expect(sealed.includes("model's keys")).toBe(false);
  expect(sealed.toString("latin1")).toMatch(/^age-encryption.org\/v1\n-> scrypt /);
  expect(await opened(sealed)).toEqual(PLAIN);
});

test("another passphrase does not open it, and is not in the failure", async () => {
  const failed = opened(sealed, new Secret("another passphrase"));
  await expect(failed).rejects.toMatchObject({ code: "sealed.unreadable", message: "the passphrase does not open it" });
  await expect(failed).rejects.toThrow(expect.not.stringContaining("another passphrase"));
});

test.each([
  ["is no such file", Buffer.from("PK\u0003\u0004 something else")],
  ["is empty", Buffer.alloc(0)],
])("a file that %s is refused", async (_what, bytes) => {
  await expect(opened(bytes)).rejects.toMatchObject({ code: "sealed.unreadable" });
});

test("a byte that was changed, and an end that is missing, fail", async () => {
  const changed = Buffer.from(sealed);
  changed[100_000] = (changed[100_000] ?? 0) ^ 1;
  await expect(opened(changed)).rejects.toThrow(/./);
  await expect(opened(sealed.subarray(0, 80_000))).rejects.toThrow(/./);
});

test("a short passphrase is refused before anything is written", async () => {
  await expect(seal(Readable.from([PLAIN]), new Secret("short"))).rejects.toMatchObject({ code: "usage.invalid" });
});
