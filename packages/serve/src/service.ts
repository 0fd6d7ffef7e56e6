import { Batcher, type BatchLimits, type Share } from "./batcher.ts";
import type { Meters } from "./http/metrics.ts";
import { type Feeds, type LoadOptions, loadModel, type Model } from "./model/model.ts";
import { Refusal } from "./refusal.ts";
import { type Decide, decider, type Decision, decisionWriter, type Meaning, meaningOf } from "./schema/decisions.ts";
import { encoder } from "./schema/encode.ts";
import { exampleRow, type Feature, featuresOf } from "./schema/features.ts";
import type { SchemaFile } from "./schema/schema-file.ts";
import { type Row, Validator } from "./schema/validate.ts";

/** Everything behind the routes: a model, what its rows and answers mean, and the queue in front of it. */
export interface Service {
  model: Model;
  schema: SchemaFile;
  features: readonly Feature[];
  meaning: Meaning;
  validator: Validator;
  batcher: Batcher;
  /** A row that is allowed: the golden one, or made up from the schema. */
  example: Row;
  /** A decision as JSON. */
  write: (decision: Decision) => string;
  /** Rows -> decisions, through the queue. @throws Refusal 429 when the queue is full; `done` may get another */
  decideThen(rows: readonly Row[], gone: (() => boolean) | undefined, done: Decided): void;
  /** The same as a promise. @throws Refusal */
  ask(rows: readonly Row[]): Promise<Decision[]>;
}

export type Decided = (error: Error | undefined, decisions: Decision[]) => void;

export interface ServiceOptions {
  file: Uint8Array;
  schema: SchemaFile;
  example?: Row;
  load: LoadOptions;
  limits: BatchLimits & { rows: number };
}

const WARM_UPS = 5;

/** Loads the model, works out its API, and warms it up with its own example. @throws Refusal */
export async function makeService(options: ServiceOptions, meters: Meters): Promise<Service> {
  const model = await loadModel(options.file, options.load);
  const features = featuresOf(model, options.schema);
  const meaning = meaningOf(model, options.schema);
  const validator = new Validator(features, options.limits.rows);
  const encode = encoder(model, features);
  const run = async (rows: readonly Row[]): Promise<Feeds> => await runModel(model, encode(rows));
  const batcher = new Batcher(
    run,
    { ...options.limits, batch: model.batches ? options.limits.batch : 1 },
    meters.batches,
  );
  const decide = decider(meaning, model.batches);
  const decideThen = model.batches ? together(batcher, decide) : oneByOne(batcher, decide);
  const ask = async (rows: readonly Row[]): Promise<Decision[]> =>
    await new Promise((resolve, reject) => {
      decideThen(rows, undefined, (error, decisions) => (error === undefined ? resolve(decisions) : reject(error)));
    });
  const [example = {}] = validator.rows(options.example ?? exampleRow(features));
  for (let round = 0; round < WARM_UPS; round++) await ask([example]);
  return {
    model,
    schema: options.schema,
    features,
    meaning,
    validator,
    batcher,
    example,
    write: decisionWriter(meaning),
    decideThen,
    ask,
  };
}

/** What the schema could not know (lengths that must fit together) the model itself refuses. @throws Refusal 422 */
export async function runModel(model: Model, feeds: Feeds): Promise<Feeds> {
  try {
    return await model.run(feeds);
  } catch (error) {
    throw new Refusal(
      422,
      `the model does not take this input: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function together(batcher: Batcher, decide: Decide): Service["decideThen"] {
  return (rows, gone, done) => {
    batcher.submit(rows, gone, (error, share) => {
      if (share === undefined) done(error, []);
      else done(undefined, decideAll(share, rows.length, decide));
    });
  };
}

/** For a model that takes one row at a time. */
function oneByOne(batcher: Batcher, decide: Decide): Service["decideThen"] {
  return (rows, gone, done) => {
    const decisions: Decision[] = [];
    let open = rows.length;
    let failed = false;
    for (const [index, row] of rows.entries()) {
      batcher.submit([row], gone, (error, share) => {
        open--;
        if (failed) return;
        if (share === undefined) {
          failed = true;
          done(error, []);
          return;
        }
        decisions[index] = decide(share.outputs, share.from);
        if (open === 0) done(undefined, decisions);
      });
    }
  };
}

function decideAll({ outputs, from }: Share, rows: number, decide: Decide): Decision[] {
  const decisions: Decision[] = [];
  for (let row = 0; row < rows; row++) decisions.push(decide(outputs, from + row));
  return decisions;
}
