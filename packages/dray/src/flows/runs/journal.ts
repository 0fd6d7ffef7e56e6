import { randomInt } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, unlink } from "node:fs/promises";
import { thisProcess } from "../../base/computer.ts";
import type { Happening } from "../../core/happening.ts";
import { beganAt, fileOf, idIn } from "./folder.ts";
import { withoutSecrets } from "./without-secrets.ts";

/** The version of the file's form; fields may be added under it, never changed. */
export const JOURNAL_VERSION = 1;

/** The first line of a journal. `process`: who writes it, so that others can tell whether it still runs. */
export interface JournalHead {
  journal: number;
  run: string;
  process: string;
}

const MOST_RUNS = 300;
const MOST_DAYS = 90;
const DAY_MS = 86_400_000;
/** From here on a journal has no room for the lines of a talkative build, only for the run's own steps. */
const FULL_BYTES = 1_000_000;
const MOST_BYTES = 2 * FULL_BYTES;

/** What is said many times a second is kept as often as this, and each step's last word always. */
const SELDOM_MS: Partial<Record<Happening["type"], number>> = { "step.progress": 1000, trial: 2000, shadow: 2000 };

/** A run's happenings, a line each, in a file that is readable after each of them. */
export class Journal {
  readonly #file: number;
  #bytes = 0;
  readonly #last = new Map<string, { at: number; waiting?: Happening }>();

  private constructor(file: number) {
    this.#file = file;
  }

  /** @throws the system's error where nothing can be written */
  static async open(folder: string, id: string): Promise<Journal> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // Errors of clearing away are no reason against a new journal: whoever reads skips what is not readable.
    await prune(folder).catch(() => undefined);
    const journal = new Journal(openSync(fileOf(folder, id), "ax", 0o600));
    const head: JournalHead = { journal: JOURNAL_VERSION, run: id, process: await thisProcess() };
    journal.#append(JSON.stringify(head));
    return journal;
  }

  /** @throws the system's error */
  write(happening: Happening): void {
    const seldom = SELDOM_MS[happening.type];
    if (seldom === undefined) {
      this.#flush(happening);
      return this.#keep(happening);
    }
    const key = keyOf(happening);
    const before = this.#last.get(key);
    const at = performance.now();
    if (before !== undefined && at - before.at < seldom) before.waiting = happening;
    else {
      this.#last.set(key, { at });
      this.#keep(happening);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** How far a step had come is kept before its end is. */
  #flush(happening: Happening): void {
    if (happening.type !== "step.done" && happening.type !== "step.failed" && happening.type !== "run.ended") return;
    const mine = happening.type === "run.ended" ? "" : ` ${happening.id}`;
    for (const [key, { waiting }] of this.#last) {
      if (!key.endsWith(mine)) continue;
      this.#last.delete(key);
      if (waiting !== undefined) this.#keep(waiting);
    }
  }

  #keep(happening: Happening): void {
    if (this.#hasRoom(happening.type)) this.#append(JSON.stringify(withoutSecrets(happening)));
  }

  #hasRoom(type: Happening["type"]): boolean {
    if (type === "run.ended") return true;
    const isOften = type === "line" || SELDOM_MS[type] !== undefined;
    return this.#bytes < (isOften ? FULL_BYTES : MOST_BYTES);
  }

  /** One write a line: a process that is killed leaves whole lines. */
  #append(line: string): void {
    this.#bytes += writeSync(this.#file, `${line}\n`);
  }
}

const keyOf = (happening: Happening): string => `${happening.type} ${"id" in happening ? happening.id : ""}`;

/** A new run's name: when it began, and something that no other run of that second has. */
export function newRunId(at: Date = new Date()): string {
  const [day, time] = at.toISOString().replaceAll(/[-:]/g, "").split("T");
  const random = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, "0");
  return `${day}-${time?.slice(0, 6)}-${random}`;
}

/** Takes away the journals that are too many or too old. */
async function prune(folder: string): Promise<void> {
  const ids = (await readdir(folder)).map(idIn).filter((id) => id !== undefined);
  const oldest = Date.now() - MOST_DAYS * DAY_MS;
  const over = ids.toSorted().filter((id, index) => index <= ids.length - MOST_RUNS || beganAt(id) < oldest);
  await Promise.all(over.map(async (id) => await unlink(fileOf(folder, id))));
}
