import path from "node:path";
import { Failure } from "../base/failure.ts";
import { askServer } from "./ask-server.ts";
import type { ServerFiles } from "./serve-runtime.ts";

/** A model whose weights lie in other files beside it. */
export interface Weights {
  /** As the model names them: from its folder, with slashes. */
  names: string[];
  /** Of the model and all of them together. */
  digest: string;
}

/** The word that every model with weights in other files has in it (onnx.proto, TensorProto.external_data). */
const KEY = "location";

/** The weights of a model that has them elsewhere; undefined for one that is whole. @throws Failure image.bad-model */
export async function modelWeights(
  file: string,
  content: Buffer,
  server: ServerFiles,
  signal: AbortSignal,
): Promise<Weights | undefined> {
  if (!content.includes(KEY)) return undefined;
  const ended = await askServer(server, "weights", ["--model", file], signal);
  if (ended.code !== 0) {
    throw new Failure("image.bad-model", `${path.basename(file)} cannot be served: ${ended.stderr.trim()}`, {
      hint: "files with weights lie beside the model, or below its folder",
    });
  }
  const found = JSON.parse(ended.stdout) as Weights;
  return found.names.length === 0 ? undefined : found;
}
