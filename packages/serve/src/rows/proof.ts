import type { Feeds } from "../model/model.ts";
import type { Encode } from "../schema/encode.ts";
import type { Row } from "../schema/row.ts";
import { difference } from "./compare.ts";

/** What was seen when a model was asked with several rows, alone and in company. */
export interface Shown {
  /** May rows be asked together? Each answer was the same alone and in company. */
  together: boolean;
  /** Had every answer as many rows as were sent? */
  counted: boolean;
  /** Why, or why not, for people. */
  why: string;
  /** Rows that the model took, and its answer to each of them alone. */
  alone: readonly { row: Row; outputs: Feeds }[];
  /** What it said to the first row that it did not take. */
  refusal?: string;
}

interface Question {
  /** Candidates: different rows. */
  rows: readonly Row[];
  encode: Encode;
  run: (feeds: Feeds) => Promise<Feeds>;
  /** Is the first dimension the rows? */
  rowsFirst: boolean;
  /** The number of rows that an answer has, where the model takes a fixed number. */
  fixed?: number;
}

const LEAST = 3;
/** A large model is not asked all of them: three rows alone and in company are proof enough. */
const BUDGET_MS = 2000;

/** Asks a model with every row alone, then together, in two parts and the other way round. */
export async function show(question: Question): Promise<Shown> {
  const { alone, refusal } = await askAlone(question);
  const found = { alone, together: false, counted: false, ...(refusal === undefined ? {} : { refusal }) };
  if (!question.rowsFirst) return { ...found, why: "its inputs are not lists of rows" };
  const different = distinct(alone);
  if (different.length < LEAST) {
    const why = `it could not be shown that rows do not mix: the model took ${different.length} different rows of those that were made up`;
    return { ...found, why };
  }
  const fault = await compareAll(different, question);
  if (fault !== undefined) return { ...found, ...fault };
  const why = `${different.length} rows had the same answers alone and together`;
  return { ...found, together: true, counted: true, why };
}

type Alone = Shown["alone"];

async function askAlone({ rows, encode, run }: Question): Promise<{ alone: Alone; refusal?: string }> {
  const alone: { row: Row; outputs: Feeds }[] = [];
  let refusal: string | undefined;
  const startedAt = performance.now();
  for (const row of rows) {
    if (alone.length >= LEAST && performance.now() - startedAt > BUDGET_MS) break;
    try {
      alone.push({ row, outputs: await run(encode([row])) });
    } catch (error) {
      refusal ??= error instanceof Error ? error.message : String(error);
    }
  }
  return { alone, ...(refusal === undefined ? {} : { refusal }) };
}

/** The same row twice shows nothing. */
function distinct(alone: Alone): Alone {
  const seen = new Set<string>();
  return alone.filter(({ row }) => {
    const key = JSON.stringify(row);
    return !seen.has(key) && seen.add(key);
  });
}

interface Fault {
  why: string;
  counted: boolean;
}

/** The first fault that was found; undefined when there is none. */
async function compareAll(alone: Alone, question: Question): Promise<Fault | undefined> {
  const { fixed } = question;
  const wrong = alone.map(({ outputs }) => miscounted(outputs, fixed ?? 1)).find((each) => each !== undefined);
  if (wrong !== undefined) return { why: wrong, counted: false };
  for (const company of companies(alone, fixed)) {
    const fault = await compareOne(company, question);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** All together, the other way round, and in two parts; no more at once than the model takes. */
function companies(alone: Alone, fixed: number | undefined): Alone[] {
  const half = Math.ceil(alone.length / 2);
  const orders = [alone, alone.toReversed(), alone.slice(0, half), alone.slice(half)];
  if (fixed === undefined) return orders;
  return orders.slice(0, 2).flatMap((order) => parts(order, fixed));
}

function parts<T>(list: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );
}

async function compareOne(company: Alone, { encode, run, fixed }: Question): Promise<Fault | undefined> {
  let outputs: Feeds;
  try {
    outputs = await run(encode(company.map(({ row }) => row)));
  } catch {
    return { why: `it does not take ${company.length} rows at once`, counted: false };
  }
  const wrong = miscounted(outputs, fixed ?? company.length);
  if (wrong !== undefined) return { why: wrong, counted: false };
  for (const [index, each] of company.entries()) {
    const name = difference(each.outputs, outputs, index);
    if (name !== undefined) return { why: `a row's ${name} is another one in company than alone`, counted: true };
  }
  return undefined;
}

/** An answer has as many rows as were sent, or it is not rows. */
export function miscounted(outputs: Feeds, rows: number): string | undefined {
  for (const [name, { dims }] of Object.entries(outputs)) {
    if (dims[0] !== rows)
      return `for ${rows === 1 ? "one row" : `${rows} rows`} its ${name} has the shape [${dims.join(", ")}]`;
  }
  return undefined;
}
