import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { makeMeters } from "./http/metrics.ts";
import { weightsNamed } from "./model/prepare.ts";
import { expected } from "./schema/features.ts";
import type { Decision } from "./schema/decisions.ts";
import type { Row } from "./schema/row.ts";
import type { Settings } from "./settings.ts";
import type { Batching } from "./service.ts";
import { load } from "./start.ts";

/** What a model turns out to be when it is loaded and asked once. */
export interface Inspection {
  digest: string;
  /** Of its file and its weights. */
  bytes: number;
  producer: string;
  description: string;
  /** Are rows of several callers asked together, and why, or why not? */
  batching: Batching;
  inputs: readonly { name: string; dtype: string; shape: readonly number[] }[];
  outputs: readonly { name: string; dtype: string; shape: readonly number[] }[];
  /** `input` and `shape` say which of the model's tensors a feature goes into, and as what. */
  features: { name: string; type: string; input: string; shape: readonly number[]; expected: string }[];
  labels: readonly string[];
  example: Row;
  /** The model's answer to the example; none where it does not take the one that was made up. */
  decision?: Decision;
  refused?: string;
}

/** Loads a model as the server would and asks it its example. @throws Refusal that says what cannot be served */
export async function inspect(settings: Settings): Promise<Inspection> {
  const service = await load(settings, makeMeters(settings.service, settings.release));
  const { model, features, meaning, example, exampleRefused: refused, batching } = service;
  const answer = refused === undefined ? { decision: (await service.ask([example]))[0] ?? {} } : { refused };
  service.batcher.close();
  return {
    digest: model.digest,
    bytes: await sizeOf(settings.model),
    producer: model.prepared.producer,
    description: model.prepared.description,
    batching,
    inputs: model.inputs,
    outputs: model.outputs,
    features: features.map((feature) => {
      const { name, type, input, shape } = feature;
      return { name, type, input, shape, expected: expected(feature) };
    }),
    // Numbers stay what the model calls its classes: as texts in schema.yaml they would be other answers.
    labels: meaning.classes.filter((each) => typeof each === "string"),
    example,
    ...answer,
  };
}

async function sizeOf(model: string): Promise<number> {
  const names = weightsNamed(await readFile(model));
  const files = [model, ...names.map((name) => path.join(path.dirname(model), name))];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
