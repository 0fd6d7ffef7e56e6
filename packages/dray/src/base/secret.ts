import { inspect } from "node:util";

/** Shorter values are in every text, and hiding them would leave nothing to read. */
const SHORTEST = 4;
/** Of a value of several lines, a program may print one: those that are this long are hidden, too. */
const SHORTEST_LINE = 8;

/** Each text in which a secret of this process could appear, as it is or as programs write it. */
const known = new Set<string>();

/** Remembers a secret, so that `hideSecrets` finds it. */
export function rememberSecret(value: string): void {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE);
  for (const text of [value, value.trim(), ...lines]) {
    if (text.length < SHORTEST) continue;
    const base64 = Buffer.from(text).toString("base64");
    for (const form of [text, JSON.stringify(text).slice(1, -1), encodeURIComponent(text), base64]) known.add(form);
  }
}

/** The text with `[secret]` in place of each secret that this process has met. */
export function hideSecrets(text: string): string {
  let hidden = text;
  // The longest first: one secret may begin with another.
  for (const secret of [...known].toSorted((one, two) => two.length - one.length))
    if (hidden.includes(secret)) hidden = hidden.replaceAll(secret, "[secret]");
  return hidden;
}

/** A value that prints as `[secret]` everywhere; only `reveal()` opens it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    rememberSecret(value);
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
