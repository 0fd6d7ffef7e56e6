import { type Document, LineCounter, parseDocument } from "yaml";
import * as z from "zod";
import { Refusal } from "../refusal.ts";
import { issueWords, syntaxWords } from "./words.ts";

const cell = z.union([z.number(), z.string(), z.boolean()]);

const feature = z.strictObject({
  name: z.string().min(1).describe("Of the feature; for a tensor of several columns, in their order."),
  title: z.string().optional().describe("What people call it."),
  description: z.string().optional(),
  unit: z.string().optional().describe("Of the value: EUR, years."),
  type: z.enum(["number", "integer", "boolean", "string"]).optional().describe("Narrower than the tensor's own type."),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  values: z
    .union([z.array(cell).min(1), z.record(z.string(), z.number())])
    .optional()
    .describe("What is allowed: a list, or names with the numbers the model was trained on."),
  default: cell.optional().describe("When it is left out."),
  missing: z
    .boolean()
    .optional()
    .describe("May it be left out, or null? NaN then. Left out: where the model says what to do with a missing value."),
  example: z
    .union([cell, z.array(z.unknown())])
    .optional()
    .describe("A value; of a tensor, nested arrays."),
});

/** The shape of schema.yaml: what a model file does not say about itself. */
export const schemaFile = z.strictObject({
  title: z.string().optional().describe("Of the API."),
  greeting: z.string().optional().describe("Text of the page at /."),
  features: z.array(feature).optional(),
  labels: z.array(z.string()).optional().describe("Names of the classes, in the model's order."),
  rows: z
    .boolean()
    .optional()
    .describe(
      "Is the first dimension of every input the rows? Left out: it is tried. false: a request is one whole set of inputs.",
    ),
  outputs: z
    .strictObject({ label: z.string().optional(), probabilities: z.string().optional(), score: z.string().optional() })
    .optional()
    .describe("Names of the outputs that are the class, the chances of the classes, and the one number of a row."),
  cors: z
    .array(z.string())
    .optional()
    .describe("Origins whose pages may call the API from a browser: https://app.example.com; * is any."),
  threshold: z.number().min(0).max(1).optional().describe("Of the probability of the last of two classes."),
});

export type SchemaFile = z.infer<typeof schemaFile>;
export type FeatureText = NonNullable<SchemaFile["features"]>[number];

function valuesOf(document: Document): unknown {
  try {
    return document.toJS() ?? {};
  } catch {
    const said = "its aliases cannot be followed: one has no name, or they stand for far more than the file has";
    throw new Refusal(400, `schema.yaml:1: ${said}`);
  }
}

/** Reads schema.yaml. @throws Refusal with the line */
export function parseSchema(source: string): SchemaFile {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    throw new Refusal(400, `schema.yaml:${counter.linePos(error.pos[0]).line}: ${syntaxWords(error.code)}`);
  const result = schemaFile.safeParse(valuesOf(document), { error: issueWords });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path ?? [];
  // What is missing has no place: then its nearest parent.
  const nodes = path.map((_part, index) => document.getIn(path.slice(0, path.length - index), true));
  const node = nodes.find((each) => each !== undefined) as { range?: [number] } | undefined;
  const line = counter.linePos(node?.range?.[0] ?? 0).line;
  const where = path.length === 0 ? "" : `${path.join(".")}: `;
  throw new Refusal(400, `schema.yaml:${line}: ${where}${issue?.message ?? "not valid"}`);
}
