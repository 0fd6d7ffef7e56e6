import { makeMeters } from "./http/metrics.ts";
import { expected } from "./schema/features.ts";
import type { Decision } from "./schema/decisions.ts";
import type { Row } from "./schema/validate.ts";
import type { Settings } from "./settings.ts";
import { load } from "./start.ts";

/** What a model turns out to be when it is loaded and asked once. */
export interface Inspection {
  digest: string;
  producer: string;
  description: string;
  batches: boolean;
  inputs: readonly { name: string; dtype: string; shape: readonly number[] }[];
  outputs: readonly { name: string; dtype: string; shape: readonly number[] }[];
  features: { name: string; type: string; expected: string }[];
  labels: readonly string[];
  example: Row;
  /** The model's answer to the example. */
  decision: Decision;
}

/** Loads a model as the server would and asks it its example. @throws Refusal that says what cannot be served */
export async function inspect(settings: Settings): Promise<Inspection> {
  const service = await load(settings, makeMeters(settings.service, settings.release));
  const [decision = {}] = await service.ask([service.example]);
  service.batcher.close();
  const { model, features, meaning, example } = service;
  return {
    digest: model.digest,
    producer: model.prepared.producer,
    description: model.prepared.description,
    batches: model.batches,
    inputs: model.inputs,
    outputs: model.outputs,
    features: features.map((feature) => ({ name: feature.name, type: feature.type, expected: expected(feature) })),
    labels: meaning.labels,
    example,
    decision,
  };
}
