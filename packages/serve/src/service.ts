import { type Asked, isRows } from "./asked.ts";
import { Batcher, type BatchLimits, type Share } from "./batcher.ts";
import { byTensor, type ByTensor } from "./by-tensor.ts";
import type { Meters } from "./http/metrics.ts";
import { type Feeds, type LoadOptions, loadModel, type Model, type ModelSource } from "./model/model.ts";
import { whyNotRun } from "./model/words.ts";
import { Refusal } from "./refusal.ts";
import type { RunWatch } from "./run-watch.ts";
import { miscounted } from "./rows/proof.ts";
import { type Example, settle, type Settled } from "./rows/settle.ts";
import { type Decide, decider, type Decision, decisionWriter } from "./schema/decisions.ts";
import { shapeOf } from "./schema/encode.ts";
import type { Feature } from "./schema/features.ts";
import type { Meaning } from "./schema/meaning.ts";
import type { SchemaFile } from "./schema/schema-file.ts";
import type { Row } from "./schema/row.ts";
import type { Validator } from "./schema/validate.ts";

/** Everything behind the routes: a model, what its rows and answers mean, and the queue in front of it. */
export interface Service extends ByTensor {
  model: Model;
  schema: SchemaFile;
  features: readonly Feature[];
  meaning: Meaning;
  validator: Validator;
  batcher: Batcher;
  /** Is the first dimension of every input and output the rows? */
  counted: boolean;
  /** Are rows of several callers asked together, and why, or why not? */
  batching: Batching;
  /** A row that is allowed: the golden one, or made up from the schema. */
  example: Row;
  /** The model's words, where it did not take the example that was made up for it. */
  exampleRefused?: string;
  /** Inputs in which null is a missing value. */
  holes: ReadonlySet<string>;
  /** A decision as JSON. */
  write: (decision: Decision) => string;
  /** Rows -> decisions, through the queue. @throws Refusal 429 when the queue is full; `done` may get another */
  decideThen(rows: readonly Row[], gone: (() => boolean) | undefined, done: Decided): void;
  /** The same as a promise. @throws Refusal */
  ask(rows: readonly Row[]): Promise<Decision[]>;
}

export interface Batching {
  together: boolean;
  /** Rows of one run. */
  rows: number;
  why: string;
}

export type Decided = (error: Error | undefined, decisions: Decision[]) => void;

export interface ServiceOptions {
  source: ModelSource;
  schema: SchemaFile;
  example?: Row;
  load: LoadOptions;
  limits: BatchLimits & { rows: number };
  /** Told of each run. */
  watch?: RunWatch;
  /** Rows are asked together although that changes their answers: for the test that must notice. */
  unproven?: boolean;
}

const WARM_UPS = 5;

/** Loads the model, works out its API, and warms it up with its own example. @throws Refusal */
export async function makeService(options: ServiceOptions, meters: Meters): Promise<Service> {
  const { schema, limits } = options;
  const model = watched(await loadModel(options.source, options.load), options.watch);
  const settled = await settle(model, {
    schema,
    maxRows: limits.rows,
    run: async (feeds) => await runModel(model, feeds),
    ...(options.example === undefined ? {} : { example: options.example }),
  });
  if (options.unproven === true) settled.shown = { ...settled.shown, together: true };
  const batching = batchingOf(settled, limits.batch);
  const batcher = new Batcher(runner(model, settled), { ...limits, batch: batching.rows }, meters.batches);
  const decide = decider(settled.meaning, settled.shown.counted);
  const decideThen = batching.together ? allAtOnce(batcher, decide, settled) : inParts(batcher, decide, 1);
  const ask = async (rows: readonly Row[]): Promise<Decision[]> =>
    await new Promise((resolve, reject) => {
      decideThen(rows, undefined, (error, decisions) => (error === undefined ? resolve(decisions) : reject(error)));
    });
  await warmUp(ask, settled.example);
  const { features, meaning, validator, example } = settled;
  return {
    model,
    schema,
    features,
    meaning,
    validator,
    batcher,
    batching,
    decideThen,
    ask,
    example: example.row,
    ...(example.refusal === undefined ? {} : { exampleRefused: example.refusal }),
    write: decisionWriter(meaning),
    holes: new Set(features.filter(({ missing }) => missing).map(({ input }) => input)),
    counted: settled.shown.counted,
    ...byTensor({ batcher, validator, decide, counted: settled.shown.counted }),
  };
}

function batchingOf({ shown, layout }: Settled, batch: number): Batching {
  const { together, why } = shown;
  if (!together) return { together, rows: 1, why };
  return layout.fixed === undefined ? { together, rows: batch, why } : { together, rows: layout.fixed, why };
}

/** An example that was made up, and that the model does not take, is no reason not to serve it. @throws Refusal for one that was given */
async function warmUp(ask: (rows: readonly Row[]) => Promise<Decision[]>, example: Example): Promise<void> {
  if (example.refusal !== undefined) return;
  for (let round = 0; round < WARM_UPS; round++) await ask([example.row]);
}

/** An answer that is not one row for each that was sent, of a model that had them at load: asked alone, a row still gets its own. */
class Miscounted extends Refusal {}

/** Rows -> outputs, with as many rows as were sent wherever they had them at load; tensors -> what the model says. */
function runner(model: Model, { encode, shown, layout }: Settled): (asked: Asked) => Promise<Feeds> {
  return async (asked) => {
    if (!isRows(asked)) return await runModel(model, asked.feeds);
    const outputs = await runModel(model, encode(asked));
    const fault = shown.counted ? miscounted(outputs, layout.fixed ?? asked.length) : undefined;
    if (fault === undefined) return outputs;
    throw new Miscounted(
      500,
      `the model's answer is not one row for each that was sent: ${fault}; schema.yaml: rows: false hands it over as it is`,
    );
  };
}

function watched(model: Model, watch: RunWatch | undefined): Model {
  if (watch === undefined) return model;
  const run: Model["run"] = async (feeds) => {
    watch.begin();
    try {
      return await model.run(feeds);
    } finally {
      watch.end();
    }
  };
  return { ...model, run };
}

/** What the schema could not know (lengths that must fit together) the model itself refuses. @throws Refusal 422 */
async function runModel(model: Model, feeds: Feeds): Promise<Feeds> {
  try {
    return await model.run(feeds);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Refusal(422, `the model does not take this input: ${whyNotRun(said)}`);
  }
}

/** All rows of a request in one run; in parts where the model takes no more than a fixed number, or where they have not one shape. */
function allAtOnce(batcher: Batcher, decide: Decide, { layout, features }: Settled): Service["decideThen"] {
  const alone = inParts(batcher, decide, 1);
  const whole: Service["decideThen"] = (rows, gone, done) => {
    batcher.submit(rows, gone, (error, share) => {
      if (share !== undefined) return done(undefined, decideAll(share, rows.length, decide));
      if (error instanceof Miscounted && rows.length > 1) return alone(rows, gone, done);
      done(error, []);
    });
  };
  const { fixed } = layout;
  if (fixed !== undefined) {
    const parts = inParts(batcher, decide, fixed);
    return (rows, gone, done) => (rows.length > fixed ? parts : whole)(rows, gone, done);
  }
  const open = features.filter((feature) => feature.shape.some((length) => length < 0));
  if (open.length === 0) return whole;
  return (rows, gone, done) => (haveOneShape(rows, open) ? whole : alone)(rows, gone, done);
}

function haveOneShape(rows: readonly Row[], open: readonly Feature[]): boolean {
  const key = (row: Row): string => open.map(({ name, shape }) => shapeOf(row[name], shape.length).join()).join(";");
  return rows.length === 1 || new Set(rows.map(key)).size === 1;
}

/** For a model that takes a few rows at a time, or one. */
function inParts(batcher: Batcher, decide: Decide, size: number): Service["decideThen"] {
  return (rows, gone, done) => {
    const parts = Array.from({ length: Math.ceil(rows.length / size) }, (_, index) =>
      rows.slice(index * size, (index + 1) * size),
    );
    const decisions: Decision[][] = [];
    let open = parts.length;
    let failed = false;
    for (const [index, part] of parts.entries()) {
      batcher.submit(part, gone, (error, share) => {
        open--;
        if (failed) return;
        if (share === undefined) {
          failed = true;
          done(error, []);
          return;
        }
        decisions[index] = decideAll(share, part.length, decide);
        if (open === 0) done(undefined, decisions.flat());
      });
    }
  };
}

function decideAll({ outputs, from }: Share, rows: number, decide: Decide): Decision[] {
  const decisions: Decision[] = [];
  for (let row = 0; row < rows; row++) decisions.push(decide(outputs, from + row));
  return decisions;
}
