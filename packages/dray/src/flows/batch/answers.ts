import { existsSync } from "node:fs";
import { type FileHandle, open, truncate } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import { type Line, linesOf } from "./lines.ts";

/** The files that answers go to. */
export interface Outputs {
  /** A line for each row that was answered: {"row": 1, "answer": ...}. */
  answers: string;
  /** A line for each row that was refused: {"row": 2, "status": 422, "error": ..., "input": ...}. */
  failed: string;
}

/** What became of a row. */
export type Settled = { row: number; answer: string } | { row: number; status?: number; error: string; input: string };

/** `decisions.jsonl` -> `decisions.failed.jsonl` beside it. */
export function outputsOf(out: string): Outputs {
  const { dir, name, ext } = path.parse(out);
  return { answers: out, failed: path.join(dir, `${name}.failed${ext}`) };
}

/** How far a run came that ended in the middle. */
export interface ReachedRow {
  /** Rows that are settled: all up to this one. */
  row: number;
  failed: number;
}

/**
 * Takes up what a run left that was cut off: all rows up to the first gap are settled, whichever of the two files has
 * them. Lines behind the gap, and a line that was cut, are dropped: those rows are asked for again.
 */
export async function takeUp({ answers, failed }: Outputs): Promise<ReachedRow> {
  const [good, bad] = [new Cursor(answers), new Cursor(failed)];
  await Promise.all([good.step(), bad.step()]);
  let row = 0;
  for (;;) {
    const next = [good, bad].find((each) => each.row === row + 1);
    if (next === undefined) break;
    await next.take();
    row++;
  }
  await Promise.all([good.cut(), bad.cut()]);
  return { row, failed: bad.taken };
}

/** Reads one of the two files line by line, and knows the end of what is kept of it. */
class Cursor {
  readonly #file: string;
  readonly #lines: AsyncGenerator<Line> | undefined;
  #end = 0;
  #kept = 0;
  taken = 0;
  row: number | undefined;

  constructor(file: string) {
    this.#file = file;
    this.#lines = existsSync(file) ? linesOf(file) : undefined;
  }

  async step(): Promise<void> {
    const { value, done } = (await this.#lines?.next()) ?? { done: true, value: undefined };
    const line = done === true || value === undefined || value.torn ? undefined : value;
    this.row = line === undefined ? undefined : Number(/^\{"row":(\d+),.*\}$/.exec(line.text)?.[1]);
    this.#end = line?.end ?? this.#end;
  }

  async take(): Promise<void> {
    this.#kept = this.#end;
    this.taken++;
    await this.step();
  }

  async cut(): Promise<void> {
    if (this.#lines === undefined) return;
    await this.#lines.return(undefined);
    await truncate(this.#file, this.#kept);
  }
}

/** Lines are written at this many characters, or when nothing else is being written. */
const PIECE = 1 << 16;

/** Writes rows in their order, whichever was answered first. */
export class Answers {
  readonly #files: { answers: Tail; failed: Tail };
  readonly #waiting = new Map<number, Settled>();
  #next: number;
  #writing: Promise<void> | undefined;
  #broken: unknown;

  private constructor(files: { answers: Tail; failed: Tail }, next: number) {
    this.#files = files;
    this.#next = next;
  }

  static async open({ answers, failed }: Outputs, { row }: ReachedRow): Promise<Answers> {
    return new Answers({ answers: await Tail.open(answers), failed: await Tail.open(failed) }, row + 1);
  }

  /** The last row that is settled, with all before it. */
  get reached(): number {
    return this.#next - 1;
  }

  /** Takes a row; it is written when all before it are. @throws Failure batch.two-writers, of a writing before this one */
  async settle(settled: Settled): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken as Error;
    this.#waiting.set(settled.row, settled);
    for (let ready = this.#shift(); ready !== undefined; ready = this.#shift())
      this.#files["answer" in ready ? "answers" : "failed"].add(lineOf(ready));
    // With nothing ready it would end before it is kept here, and be waited for, and nothing be written, until the end.
    if (this.#isReady) this.#writing ??= this.#write();
    // Memory stays bounded: nobody goes on before what is ready has left.
    if (this.#files.answers.length > PIECE) await this.#writing;
  }

  get #isReady(): boolean {
    return this.#files.answers.length + this.#files.failed.length > 0;
  }

  #shift(): Settled | undefined {
    const found = this.#waiting.get(this.#next);
    if (found === undefined) return undefined;
    this.#waiting.delete(this.#next++);
    return found;
  }

  /** Never rejects: nobody may be waiting for it just now. */
  async #write(): Promise<void> {
    const { answers, failed } = this.#files;
    try {
      while (this.#isReady) {
        await failed.write();
        await answers.write();
      }
    } catch (error) {
      this.#broken = error;
    }
    this.#writing = undefined;
  }

  /** Everything that was settled in order is on the disk. @throws Failure batch.two-writers */
  async close(): Promise<void> {
    const { answers, failed } = this.#files;
    await this.#writing;
    if (this.#broken === undefined) await this.#write();
    await Promise.all([answers.close(), failed.close()]);
    if (this.#broken !== undefined) throw this.#broken as Error;
  }
}

function lineOf(settled: Settled): string {
  if ("answer" in settled) return `{"row":${settled.row},"answer":${settled.answer}}\n`;
  const { error, input } = settled;
  return `${JSON.stringify({ ...settled, error: jsonOr(error), input: jsonOr(input) })}\n`;
}

/** A refusal or a row that is no JSON is kept as the text it is. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The end of a file that one process writes. */
class Tail {
  readonly #file: string;
  readonly #handle: FileHandle;
  #size: number;
  #text = "";

  private constructor(file: string, handle: FileHandle, size: number) {
    this.#file = file;
    this.#handle = handle;
    this.#size = size;
  }

  static async open(file: string): Promise<Tail> {
    const handle = await open(file, "a");
    return new Tail(file, handle, (await handle.stat()).size);
  }

  get length(): number {
    return this.#text.length;
  }

  add(line: string): void {
    this.#text += line;
  }

  async write(): Promise<void> {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text);
    this.#text = "";
    const { size } = await this.#handle.stat();
    if (size !== this.#size) {
      throw new Failure("batch.two-writers", `something else writes to ${path.basename(this.#file)} at the same time`, {
        hint: "let the other dray batch end, or name another file with -o; the same command then takes up what is there",
      });
    }
    await this.#handle.appendFile(bytes);
    this.#size += bytes.length;
  }

  async close(): Promise<void> {
    await this.#handle.datasync();
    await this.#handle.close();
  }
}
