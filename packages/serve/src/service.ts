import { Batcher, type BatchLimits, type Share } from "./batcher.ts";
import type { Meters } from "./http/metrics.ts";
import { type Feeds, type LoadOptions, loadModel, type Model } from "./model/model.ts";
import { Refusal } from "./refusal.ts";
import { type Decide, decider, type Decision, type Meaning, meaningOf } from "./schema/decisions.ts";
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
  decide: Decide;
  /** Rows -> decisions, through the queue. @throws Refusal */
  ask(rows: readonly Row[], gone?: () => boolean): Promise<Decision[]>;
}

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
  const ask = async (rows: readonly Row[], gone?: () => boolean): Promise<Decision[]> => {
    if (model.batches || rows.length === 1) return decideAll(await batcher.submit(rows, gone), rows.length, decide);
    // The model takes one row at a time.
    const shares = await Promise.all(rows.map((row) => batcher.submit([row], gone)));
    return shares.flatMap((share) => decideAll(share, 1, decide));
  };
  const [example = {}] = validator.rows(options.example ?? exampleRow(features));
  for (let round = 0; round < WARM_UPS; round++) await ask([example]);
  return { model, schema: options.schema, features, meaning, validator, batcher, example, decide, ask };
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

function decideAll({ outputs, from }: Share, rows: number, decide: Decide): Decision[] {
  const decisions: Decision[] = [];
  for (let row = 0; row < rows; row++) decisions.push(decide(outputs, from + row));
  return decisions;
}
