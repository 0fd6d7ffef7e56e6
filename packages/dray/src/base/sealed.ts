import { Readable } from "node:stream";
import { Decrypter, Encrypter } from "age-encryption";
import { Failure } from "./failure.ts";
import type { Secret } from "./secret.ts";

/** A passphrase of fewer characters is found by trying. */
const LEAST = 12;

/** The cost of a try, as a power of two: age's own choice. */
const WORK = 18;

/**
 * Bytes that only the passphrase opens, in the format of age (age-encryption.org/v1): `age -d` opens them, too.
 * `work`: what a try costs, as a power of two. @throws Failure usage.invalid
 */
export async function seal(plain: Readable, passphrase: Secret, work: number = WORK): Promise<Readable> {
  const words = passphrase.reveal();
  if (words.length < LEAST)
    throw new Failure("usage.invalid", `the passphrase has ${words.length} characters`, {
      hint: `take at least ${LEAST}; openssl rand -base64 24 makes one`,
    });
  const encrypter = new Encrypter();
  encrypter.setPassphrase(words);
  encrypter.setScryptWorkFactor(work);
  return Readable.fromWeb(await encrypter.encrypt(Readable.toWeb(plain)));
}

/**
 * What was sealed. Each block is proved before it comes out: a file that was changed fails on the way, and one that was
 * cut at its end. @throws Failure sealed.unreadable
 */
export async function unseal(sealed: Readable, passphrase: Secret): Promise<Readable> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase.reveal());
  try {
    return Readable.fromWeb(await decrypter.decrypt(Readable.toWeb(sealed)));
  } catch (error) {
    sealed.destroy();
    throw unreadable(error);
  }
}

/** age tells a wrong passphrase from a broken file by its words alone. */
export function unreadable(error: unknown): Failure {
  const wrong = error instanceof Error && error.message.includes("no identity matched");
  return new Failure("sealed.unreadable", wrong ? "the passphrase does not open it" : "it is damaged, or no backup", {
    hint: wrong ? "was it made with another one?" : "take another copy of the file",
    cause: error,
  });
}
