import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";
import { appendWhole, readIfThere } from "./status.ts";

/** Where the copy begins anew, for the record before it was changed. */
const BREAK = JSON.stringify({ broken: "from here on the record as it was found" });

const hashOf = (before: string, line: string): string =>
  createHash("sha256").update(`${before}\n${line}`).digest("hex");

/**
 * A copy of the record of who changed what, where the edge, which talks to strangers, cannot write. Each of its lines begins
 * with a hash of all that is before it, so that nobody takes one out unseen either.
 */
export class AuditCopy {
  readonly #record: string;
  readonly #copy: string;
  /** Of the record, since the copy's last break: how many lines are copied, and a hash of them. */
  #count = 0;
  #sum = "";
  /** The last line's hash in the copy; undefined until it was read. */
  #head: string | undefined;
  #changed: string | undefined;
  #seen = "";

  constructor(home: string, own: string) {
    this.#record = path.join(home, "audit.jsonl");
    this.#copy = path.join(own, "audit.jsonl");
  }

  /** Copies what is new. @throws Error once for each time that somebody changed what was written before, here or there */
  async look(): Promise<void> {
    const found = await stat(this.#record).catch(() => undefined);
    const now = `${found?.size} ${found?.mtimeMs}`;
    if (now === this.#seen) return;
    this.#head ??= await this.#load();
    const lines = wholeLines((await readIfThere(this.#record)) ?? "");
    const same = lines.length >= this.#count && sumOf(lines.slice(0, this.#count)) === this.#sum;
    await this.#append(same ? lines.slice(this.#count) : [BREAK, ...lines]);
    [this.#count, this.#sum, this.#seen] = [lines.length, sumOf(lines), now];
    const changed = this.#changed;
    this.#changed = undefined;
    if (changed !== undefined) throw new Error(`its copy was changed by somebody, at ${changed.slice(0, 80)}`);
    if (!same) throw new Error(`it is not what was written any more; how it was: ${this.#copy}`);
  }

  async #append(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    let head = this.#head ?? "";
    const text = lines.map((line) => `${(head = hashOf(head, line))} ${line}\n`).join("");
    await appendWhole(this.#copy, text);
    this.#head = head;
  }

  /** Reads what is in the copy, and resolves to the last hash there. */
  async #load(): Promise<string> {
    let head = "";
    let since: string[] = [];
    for (const each of wholeLines((await readIfThere(this.#copy)) ?? "")) {
      const [hash, line] = [each.slice(0, 64), each.slice(65)];
      if (hash !== hashOf(head, line)) this.#changed ??= line;
      head = hash;
      if (line === BREAK) since = [];
      else since.push(line);
    }
    [this.#count, this.#sum] = [since.length, sumOf(since)];
    return head;
  }
}

function sumOf(lines: readonly string[]): string {
  return lines.reduce(hashOf, "");
}

/** Those that came to their end. */
const wholeLines = (text: string): string[] => text.split("\n").slice(0, -1);
