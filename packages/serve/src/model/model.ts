import { createHash } from "node:crypto";
import { InferenceSession, type Tensor } from "onnxruntime-node";
import { Refusal } from "../refusal.ts";
import { type Prepared, prepareModel } from "./prepare.ts";
import { type Dtype, kindOf } from "./tensors.ts";

/** One input or output: -1 is a dimension of any length. */
export interface Port {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
}

export type Feeds = Record<string, Tensor>;

/** A model that is loaded and can be asked. */
export interface Model {
  inputs: readonly Port[];
  outputs: readonly Port[];
  /** `sha256:...` of the file. */
  digest: string;
  prepared: Prepared;
  run(feeds: Feeds): Promise<Feeds>;
}

export interface LoadOptions {
  /** Threads of one run; 1 is best where requests come side by side. */
  threads: number;
  /** Where the manifest asks for a GPU. */
  gpu: boolean;
}

/** Loads a model. @throws Refusal for what cannot be served, with the reason */
export async function loadModel(file: Uint8Array, options: LoadOptions): Promise<Model> {
  const prepared = prepareModel(file);
  const session = await InferenceSession.create(prepared.bytes, {
    executionProviders: options.gpu ? ["cuda", "cpu"] : ["cpu"],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  }).catch((error: unknown) => {
    throw new Refusal(
      400,
      `onnxruntime cannot load this model: ${error instanceof Error ? error.message : String(error)}`,
    );
  });
  const inputs = session.inputMetadata.map(port);
  const outputs = session.outputMetadata.map((metadata) => columned(port(metadata), prepared.columns));
  return {
    inputs,
    outputs,
    digest: `sha256:${createHash("sha256").update(file).digest("hex")}`,
    prepared,
    run: async (feeds) => await session.run(feeds),
  };
}

function port(metadata: InferenceSession.ValueMetadata): Port {
  if (!metadata.isTensor) throw new Refusal(400, `${metadata.name} is not a tensor; only tensors can be served`);
  kindOf(metadata.type);
  const shape = metadata.shape.map((dimension) => (typeof dimension === "number" ? dimension : -1));
  return { name: metadata.name, dtype: metadata.type, shape };
}

/** What a ZipMap made has no shape in the file. */
function columned(output: Port, columns: Prepared["columns"]): Port {
  const wide = columns.get(output.name);
  return wide === undefined ? output : { ...output, shape: [-1, wide.length] };
}
