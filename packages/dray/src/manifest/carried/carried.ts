/** A manifest that was made of another tool's file, and what of that file has no place in one. */
export interface Carried {
  /** Keys of dray.yaml, in the order in which they are written. */
  manifest: Record<string, unknown>;
  left: LeftOut[];
}

/** A key that could not be carried over. */
export interface LeftOut {
  /** As the other file has it: `networks`, `ports[1]`. */
  key: string;
  /** Why, or what to write instead. */
  reason: string;
}

/** Notes what has no place while a manifest is put together. */
export class Carrier {
  readonly manifest: Record<string, unknown> = {};
  readonly left: LeftOut[] = [];

  /** Sets a key, unless there is nothing to say. */
  set(key: string, value: unknown): void {
    if (value !== undefined) this.manifest[key] = value;
  }

  /** Sets a key of a key: `limits.memory`. */
  within(key: string, inner: string, value: unknown): void {
    if (value === undefined) return;
    this.manifest[key] = { ...(this.manifest[key] as Record<string, unknown> | undefined), [inner]: value };
  }

  leave(key: string, reason: string): void {
    this.left.push({ key, reason });
  }
}

/** A secret by its name: what only a few people may read is taken from this computer's environment, and never written down. */
const SECRET = /(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|DSN|DATABASE_URL)S?$/i;
export const looksSecret = (name: string): boolean => SECRET.test(name);

/**
 * A command as one text, in its words: quotes and backslashes as a POSIX shell reads them, and nothing else of a shell
 * (POSIX.1-2017, Shell Command Language, 2.2).
 */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(/(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g)) {
    const plain = word.replaceAll(
      /'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])/g,
      (_all, single: string | undefined, double: string | undefined, escaped: string | undefined) =>
        single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? (escaped === "\n" ? "" : (escaped ?? "")),
    );
    words.push(plain);
  }
  return words;
}

export const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
export const listOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** A value that stands for a word: a number or a boolean is written as YAML has it. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
