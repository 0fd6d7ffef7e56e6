import { InferenceSession, type Tensor } from "onnxruntime-node";
import { Refusal } from "../refusal.ts";
import { withNeutralLocale } from "./locale.ts";
import { whyNotLoaded } from "./words.ts";
import { columnsOf } from "./columns.ts";
import { indicesOf, type Range } from "./indices.ts";
import type { Graph } from "./graph.ts";
import { type Prepared, prepareModel } from "./prepare.ts";
import { type Dtype, kindOf } from "./tensors.ts";
import { checkWeights, digestOf } from "./weights.ts";

/** One input or output: -1 is a dimension of any length. */
export interface Port {
  name: string;
  dtype: Dtype;
  shape: readonly number[];
  /** Of an input whose second dimension the file leaves open: what its readers say that it is. */
  columns?: number;
  /** Of an input of integers: what they may be, where the graph says more than their type does. */
  range?: Range;
}

export type Feeds = Record<string, Tensor>;

/** A model that is loaded and can be asked. */
export interface Model {
  inputs: readonly Port[];
  outputs: readonly Port[];
  /** `sha256:...` of the file, and of the files with its weights. */
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

/** A model file's bytes; and its folder, where its weights may lie in other files. */
export interface ModelSource {
  file: Uint8Array;
  folder?: string;
}

/** onnxruntime sends figures of its use to its makers unless this is set before the first session: what runs here is nobody else's business. */
process.env["ORT_DISABLE_TELEMETRY"] = "1";

/** Loads a model. @throws Refusal for what cannot be served, with the reason */
export async function loadModel({ file, folder }: ModelSource, options: LoadOptions): Promise<Model> {
  const prepared = prepareModel(file);
  await checkWeights(prepared.weights, folder);
  const session = await open(prepared.bytes, folder, options);
  const inputs = session.inputMetadata.map((metadata) => asRead(port(metadata), prepared.graph));
  const outputs = session.outputMetadata.map((metadata) => columned(port(metadata), prepared.columns));
  return {
    inputs,
    outputs,
    digest: await digestOf(file, prepared.weights, folder),
    prepared,
    run: async (feeds) => await session.run(feeds),
  };
}

type Session = InferenceSession;

/** @throws Refusal that says in a sentence why onnxruntime does not load it */
async function open(bytes: Uint8Array, folder: string | undefined, options: LoadOptions): Promise<Session> {
  const load = async (model: Uint8Array): Promise<Session> =>
    await InferenceSession.create(model, sessionOptions(folder, options));
  try {
    return await load(bytes);
  } catch (error) {
    const neutral = /construct locale/.test(said(error)) ? withNeutralLocale(bytes) : undefined;
    if (neutral === undefined) throw new Refusal(400, whyNotLoaded(said(error)));
    return await load(neutral).catch((again: unknown) => {
      throw new Refusal(400, whyNotLoaded(said(again)));
    });
  }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function sessionOptions(folder: string | undefined, { gpu, threads }: LoadOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: gpu ? ["cuda", "cpu"] : ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    // What goes wrong is told by whom it happens to; onnxruntime's own log has colours and paths of its makers' computer.
    logSeverityLevel: 4,
    ...(folder === undefined ? {} : { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
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

/** With what the operators behind an input say of it. */
function asRead(input: Port, graph: Graph): Port {
  const columns = input.shape.length === 2 && input.shape[1] === -1 ? columnsOf(graph, input.name) : undefined;
  const range = kindOf(input.dtype).json === "integer" ? indicesOf(graph, input.name) : undefined;
  return {
    ...input,
    ...(columns === undefined ? {} : { columns }),
    ...(range === undefined ? {} : { range }),
  };
}

/** What the cells of an input may be: undefined for what is no integer. */
export function rangeOf({ range, dtype }: Port): Range | undefined {
  return range ?? kindOf(dtype).range;
}
