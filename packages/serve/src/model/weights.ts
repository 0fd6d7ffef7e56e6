import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Refusal } from "../refusal.ts";
import { attributesOf, decodeTensor, type GraphProto, type TensorProto } from "./proto.ts";

const EXTERNAL = 1;
/** Operators whose attributes have graphs in them, with weights of their own. */
const WITH_GRAPHS = new Set(["If", "Loop", "Scan", "SequenceMap"]);

/** The files that a graph's weights lie in, as it names them (onnx.proto, TensorProto.external_data). */
export function weightFiles(graph: GraphProto): string[] {
  const tensors = graph.initializer.map(decodeTensor);
  const inner: string[] = [];
  for (const node of graph.node) {
    if (node.opType !== "Constant" && !WITH_GRAPHS.has(node.opType)) continue;
    for (const { t, g } of attributesOf(node)) {
      if (t !== undefined && t !== null) tensors.push(t);
      if (g !== undefined && g !== null) inner.push(...weightFiles(g));
    }
  }
  return [...new Set([...tensors.flatMap(locationOf), ...inner])].toSorted();
}

function locationOf(tensor: TensorProto): string[] {
  if (tensor.dataLocation !== EXTERNAL) return [];
  return [tensor.externalData.find(({ key }) => key === "location")?.value ?? ""];
}

/**
 * Checks that every weight file is where the model may have it: in the model's own folder, which no name and no link
 * leads out of. @throws Refusal that names the file, and says what to do
 */
export async function checkWeights(weights: readonly string[], folder: string | undefined): Promise<void> {
  if (weights.length === 0) return;
  if (folder === undefined)
    throw new Refusal(400, `this model's weights are in ${weights.join(", ")}, and only its own file was given`);
  const home = await realpath(folder);
  for (const name of weights) await checkOne(name, home);
}

async function checkOne(name: string, home: string): Promise<void> {
  const file = path.resolve(home, name);
  const isOutside = (where: string): boolean => !where.startsWith(home + path.sep);
  if (name === "" || path.isAbsolute(name) || name.split(/[/\\]/).includes("..") || isOutside(file)) {
    throw new Refusal(400, `the model names ${show(name)} for its weights, which is outside its folder; ${ONE_FILE}`);
  }
  const real = await realpath(file).catch(() => undefined);
  if (real === undefined || !(await stat(real)).isFile()) {
    throw new Refusal(
      400,
      `the model's weights are in ${show(name)}, and there is no such file beside it: copy it there, or ${ONE_FILE}`,
    );
  }
  if (isOutside(real))
    throw new Refusal(400, `${show(name)}, where the model's weights are, is a link out of its folder; ${ONE_FILE}`);
}

const show = (name: string): string => JSON.stringify(name.slice(0, 200));
const ONE_FILE =
  'put all into one file: onnx.save(onnx.load("model.onnx"), "whole.onnx") in Python, or torch.onnx.export(..., external_data=False)';

/** The digest of a model: of its file alone, or of a list with its weight files in it. */
export async function digestOf(
  file: Uint8Array,
  weights: readonly string[],
  folder: string | undefined,
): Promise<string> {
  const own = createHash("sha256").update(file).digest("hex");
  if (weights.length === 0 || folder === undefined) return `sha256:${own}`;
  const all = createHash("sha256").update(`${own}\n`);
  for (const name of weights) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(path.join(folder, name)), hash);
    all.update(`${hash.digest("hex")} ${name}\n`);
  }
  return `sha256:${all.digest("hex")}`;
}
