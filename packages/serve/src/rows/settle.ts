import type { Feeds, Model } from "../model/model.ts";
import { vocabularyOf } from "../model/graph.ts";
import { type Encode, encoder } from "../schema/encode.ts";
import { exampleRow, type Feature, featuresOf } from "../schema/features.ts";
import { type Meaning, meaningOf } from "../schema/meaning.ts";
import type { SchemaFile } from "../schema/schema-file.ts";
import type { Row } from "../schema/row.ts";
import { Validator } from "../schema/validate.ts";
import { Refusal } from "../refusal.ts";
import { inventRows } from "./invent.ts";
import { type Layout, layoutsOf } from "./layout.ts";
import { show, type Shown } from "./proof.ts";

/** What was found out about a model by asking it: how rows lie in it, whether they may come together, what answers mean. */
export interface Settled {
  layout: Layout;
  features: readonly Feature[];
  meaning: Meaning;
  validator: Validator;
  encode: Encode;
  shown: Shown;
  example: Example;
}

/** The row that people are shown and that the server warms up with. */
export interface Example {
  row: Row;
  /** Did a person give it, or the schema? Else it was made up. */
  given: boolean;
  /** The model's words, where it did not take the row that was made up. */
  refusal?: string;
}

interface Material {
  schema: SchemaFile;
  /** The golden row. */
  example?: Row;
  /** Rows of one request. */
  maxRows: number;
  run: (feeds: Feeds) => Promise<Feeds>;
}

/** Asks the model until it is clear how it is to be served. @throws Refusal when schema.yaml or the golden row does not fit */
export async function settle(model: Model, material: Material): Promise<Settled> {
  const layouts = layoutsOf(model, material.schema.rows);
  for (const layout of layouts) {
    const last = layout === layouts.at(-1);
    const settled = await tryLayout(model, layout, material).catch((error: unknown) => {
      // What schema.yaml and the golden row say was said of one layout, and fits no other.
      if (last || !(error instanceof Refusal)) throw error;
      return undefined;
    });
    if (settled !== undefined && (last || isRight(settled))) return settled;
  }
  throw new TypeError("a model has at least one layout");
}

/** A fixed number of rows is believed where rows do not mix and an answer has something to say about each. */
function isRight({ shown, meaning }: Settled): boolean {
  return shown.together && [meaning.label, meaning.probabilities, meaning.score].some((port) => port !== undefined);
}

async function tryLayout(model: Model, layout: Layout, material: Material): Promise<Settled> {
  const { schema, run, maxRows } = material;
  const features = featuresOf(model, schema, layout);
  const validator = new Validator(features, maxRows);
  const encode = encoder(model, features, layout);
  const [start = {}] = validator.rows(structuredClone(material.example ?? exampleRow(features)));
  const shown = await show({
    rows: [start, ...inventRows(features, start, vocabularyOf(model.prepared.graph))],
    encode,
    run,
    rowsFirst: layout.rows,
    ...(layout.fixed === undefined ? {} : { fixed: layout.fixed }),
  });
  const answers = { outputs: shown.alone.map(({ outputs }) => outputs), count: layout.fixed ?? 1 };
  const meaning = meaningOf(model, schema, answers);
  const example = exampleOf(start, shown, material.example !== undefined || hasExamples(features));
  return { layout, features, meaning, validator, encode, shown, example };
}

const hasExamples = (features: readonly Feature[]): boolean =>
  features.some((feature) => feature.text.example !== undefined);

/** Of rows that were made up, one that the model took. */
function exampleOf(start: Row, { alone, refusal }: Shown, given: boolean): Example {
  const taken = alone.some(({ row }) => row === start);
  if (taken || given) return { row: start, given };
  const [first] = alone;
  if (first !== undefined) return { row: first.row, given };
  return { row: start, given, ...(refusal === undefined ? {} : { refusal }) };
}
