import { Failure } from "../base/failure.ts";

const SHORTEST = 16;
/** Bits of a key below which somebody who has its SHA-256 finds it, and patience finds it without. */
const ENOUGH_BITS = 56;

/**
 * Refuses a key that was made by hand and is short, or the same few characters again and again. The edge keeps keys as
 * SHA-256 without a salt, which is right only for keys that nobody can guess. @throws Failure manifest.invalid
 */
export function refuseGuessable(name: string, key: string): void {
  const problem =
    key.length < SHORTEST
      ? `has fewer than ${SHORTEST} characters`
      : bitsOf(key) < ENOUGH_BITS
        ? "is easy to guess: too few different characters, or a pattern"
        : undefined;
  if (problem === undefined) return;
  throw new Failure("manifest.invalid", `the key of ${name} ${problem}`, { hint: "make one: openssl rand -base64 24" });
}

/** Shannon's entropy of its characters; of what only repeats or counts on, of the part that does not. */
function bitsOf(key: string): number {
  const text = withoutRepeats(withoutRuns(key));
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  const shares = [...counts.values()].map((count) => count / text.length);
  return shares.reduce((sum, share) => sum - share * Math.log2(share), 0) * text.length;
}

/** The shortest beginning that, said again and again, is the whole. */
function withoutRepeats(text: string): string {
  return text.slice(0, (text + text).indexOf(text, 1));
}

/** Without characters that follow from the two before, as in `12345`, `dcba`, `aaaa`. */
function withoutRuns(text: string): string {
  const code = (index: number): number => text.charCodeAt(index);
  const follows = (index: number): boolean => {
    const step = code(index) - code(index - 1);
    return index > 1 && Math.abs(step) <= 1 && step === code(index - 1) - code(index - 2);
  };
  return Array.from({ length: text.length }, (_, index) => (follows(index) ? "" : text.charAt(index))).join("");
}
