import { joined, since } from "drayage-clock";
import type { Context } from "../../core/context.ts";
import { Answers, type Outputs, outputsOf } from "./answers.ts";
import type { Asker } from "./asker.ts";
import { beginBatch, finishBatch } from "./begun.ts";
import { Pace } from "./pace.ts";
import { Progress } from "./progress.ts";
import { type Example, rowsOf } from "./rows.ts";
import type { BatchRow } from "./row.ts";
import { type Patience, Settler } from "./settle.ts";

/** Rows of a file, and who answers them. */
export interface BatchJob {
  service: string;
  file: string;
  out: string;
  /** A row as the API documents it: cells of a CSV get its types. */
  example: Example;
  ask: Asker;
  /** Where rows are sent to: answers of another path are not mixed in. */
  path: string;
  /** Requests that are out at once, at most. */
  concurrency: number;
  /** Rows in one request. */
  list: number;
  /** Throw away what is in the files already. */
  force: boolean;
  patience?: Patience;
}

export interface BatchResult {
  /** All rows that are settled now, those of earlier runs as well. */
  rows: number;
  answered: number;
  failed: number;
  /** Rows that an earlier run had settled. */
  before: number;
  ms: number;
  out: string;
  failedOut?: string;
  /** Releases that answered, in the order of their first answer. */
  releases: string[];
}

const PATIENCE: Patience = { laterMs: 5 * 60_000, firstMs: 20_000 };
/** Answers that may wait for an earlier row's. */
const AHEAD = 10_000;

/**
 * Asks a service for every row of a file. Answers are in the rows' order, one for each; a run that was cut off, killed or
 * stopped is taken up where it ended. @throws Failure batch.*, usage.invalid
 */
export async function batch(job: BatchJob, context: Context): Promise<BatchResult> {
  const startedAt = performance.now();
  const outputs = outputsOf(job.out);
  const { reached, total } = await beginBatch(job.file, outputs, job.path, job.force);
  const answers = await Answers.open(outputs, reached);
  const progress = new Progress(job, reached, total, context);
  const releases: string[] = [];
  const onRelease = (release: string): void => {
    if (releases.includes(release)) return;
    if (releases.push(release) > 1)
      context.emit({ type: "warning", text: `another release answers now: ${release}, and before ${releases[0]}` });
  };
  try {
    const settler = new Settler(job.ask, new Pace(job.concurrency), job.patience ?? PATIENCE, onRelease);
    await askAll(job, { settler, answers, progress }, context.signal);
  } catch (error) {
    await answers.close().catch(() => undefined);
    progress.stopped(error, answers.reached);
    throw error;
  }
  await answers.close();
  await finishBatch(outputs, progress.failed);
  progress.done();
  return { ...resultOf(outputs, progress, reached.row), ms: since(startedAt), releases };
}

function resultOf(
  { answers, failed }: Outputs,
  progress: Progress,
  before: number,
): Omit<BatchResult, "ms" | "releases"> {
  const counted = { rows: progress.rows, answered: progress.rows - progress.failed, failed: progress.failed };
  return { ...counted, before, out: answers, ...(progress.failed === 0 ? {} : { failedOut: failed }) };
}

interface Doing {
  settler: Settler;
  answers: Answers;
  progress: Progress;
}

/** Keeps as many requests out as the pace allows; the first that ends the run ends the others. */
async function askAll(job: BatchJob, { settler, answers, progress }: Doing, outer: AbortSignal): Promise<void> {
  const stop = new AbortController();
  using both = joined([outer, stop.signal]);
  const { signal } = both;
  const tasks = new Set<Promise<void>>();
  let wake: () => void = () => undefined;
  const settle = async (rows: readonly BatchRow[]): Promise<void> => {
    try {
      for (const settled of await settler.settle(rows, signal)) {
        progress.add(settled);
        await answers.settle(settled);
      }
    } catch (error) {
      stop.abort(error);
    }
  };
  const full = (row: number): boolean => tasks.size >= 2 * job.concurrency || row - answers.reached > AHEAD;
  for await (const rows of listsOf(rowsOf(job.file, job.example), answers.reached, job.list)) {
    while (full(rows[0]?.row ?? 0) && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    if (signal.aborted) break;
    const task: Promise<void> = settle(rows).finally(() => {
      tasks.delete(task);
      wake();
    });
    tasks.add(task);
  }
  await Promise.all(tasks);
  signal.throwIfAborted();
}

/** Rows behind `after`, as many at once as go into a request. */
async function* listsOf(rows: AsyncGenerator<BatchRow>, after: number, length: number): AsyncGenerator<BatchRow[]> {
  let list: BatchRow[] = [];
  for await (const row of rows) {
    if (row.row <= after) continue;
    list.push(row);
    if (list.length < length) continue;
    yield list;
    list = [];
  }
  if (list.length > 0) yield list;
}
