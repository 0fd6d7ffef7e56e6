import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import { type Outputs, type ReachedRow, takeUp } from "./answers.ts";
import { parquetCount } from "./parquet.ts";

/** What an unfinished run was asked to do: only the same is taken up. */
interface Mark {
  v: 1;
  rows: string;
  path: string;
}

const markOf = (out: string): string => `${out}.unfinished`;

/** Where a run begins, and about how many rows the file has. */
export interface Beginning {
  reached: ReachedRow;
  total: number;
}

/**
 * Begins, or takes up what was cut off. `at`: the path that rows are sent to.
 * @throws Failure usage.invalid where answers of another run lie there, batch.other-rows
 */
export async function beginBatch(file: string, outputs: Outputs, at: string, force: boolean): Promise<Beginning> {
  const mark = markOf(outputs.answers);
  if (force) await Promise.all([mark, outputs.answers, outputs.failed].map((each) => rm(each, { force: true })));
  const { digest, total } = await lookAt(file);
  const wanted: Mark = { v: 1, rows: digest, path: at };
  if (existsSync(mark)) {
    checkSame(file, outputs, wanted, await readMark(mark));
    return { reached: await takeUp(outputs), total };
  }
  const there = [outputs.answers, outputs.failed].find((each) => existsSync(each));
  if (there !== undefined) {
    throw new Failure("usage.invalid", `${path.basename(there)} is there already, and no unfinished run's`, {
      hint: "name another file with -o; --force throws away what is there",
    });
  }
  // Whole or not at all: a mark that is cut in the middle could not be taken up.
  await writeFile(`${mark}.new`, `${JSON.stringify(wanted)}\n`);
  await rename(`${mark}.new`, mark);
  return { reached: { row: 0, failed: 0 }, total };
}

/** The run is over: its answers are whole. Where nothing was refused, there is no file of what was. */
export async function finishBatch({ answers, failed }: Outputs, refused: number): Promise<void> {
  if (refused === 0) await rm(failed, { force: true });
  await rm(markOf(answers), { force: true });
}

async function readMark(mark: string): Promise<Partial<Mark>> {
  try {
    return JSON.parse(await readFile(mark, "utf8")) as Partial<Mark>;
  } catch {
    return {};
  }
}

function checkSame(file: string, { answers }: Outputs, wanted: Mark, found: Partial<Mark>): void {
  const out = path.basename(answers);
  const hint = `name another file with -o; --force throws away what is in ${out}`;
  if (found.rows !== wanted.rows) {
    const message = `${out} was begun with other rows than those that ${path.basename(file)} has now`;
    throw new Failure("batch.other-rows", message, { hint });
  }
  if (found.path !== wanted.path)
    throw new Failure("batch.other-rows", `${out} was begun with answers of ${found.path}, not of ${wanted.path}`, {
      hint,
    });
}

/** The file's digest; of text, the number of its lines, which is about that of its rows. @throws Failure usage.invalid */
async function lookAt(file: string): Promise<{ digest: string; total: number }> {
  const hash = createHash("sha256");
  let breaks = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) breaks++;
    }
  } catch (error) {
    throw new Failure("usage.invalid", `${file} cannot be read: ${error instanceof Error ? error.message : ""}`, {
      hint: "dray batch rows.csv -o answers.jsonl",
      cause: error,
    });
  }
  const extension = path.extname(file).toLowerCase();
  const total = extension === ".parquet" ? await parquetCount(file) : breaks - (extension === ".jsonl" ? 0 : 1);
  return { digest: `sha256:${hash.digest("hex")}`, total: Math.max(0, total) };
}
