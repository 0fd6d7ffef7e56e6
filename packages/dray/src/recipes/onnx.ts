import { createHash } from "node:crypto";
import { readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { ContentStore } from "../oci/content-store.ts";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Built, RecipeOrder, Recipe } from "../core/recipe.ts";
import { askServer } from "./ask-server.ts";
import { modelFiles } from "./model-files.ts";
import { type Weights, modelWeights } from "./model-weights.ts";
import { makeImage } from "../oci/image.ts";
import { type LayerEntry, makeLayer } from "../oci/layer.ts";
import { SBOM_PATH } from "./sbom.ts";
import { makeBase, nodeName } from "./serve-base.ts";
import { findServer, hasCuda, runtimeEntries, serverEntries, type ServerFiles } from "./serve-runtime.ts";

const PORT = 8080;
const NOBODY = "65532:65532";

/** An .onnx file becomes an API: its image is written straight from here, with no Docker and no network. */
export const onnx: Recipe = {
  kind: "onnx",
  title: "build the image",
  perArchitecture: true,
  wants: (order) => order.model !== undefined && order.image === undefined,
  make: buildOnnx,
};

async function buildOnnx(order: RecipeOrder, architecture: string, context: Context): Promise<Built> {
  const processor = nodeName(architecture);
  const files = await findServer(context, processor);
  const store = new ContentStore();
  await store.open();
  const model = await modelEntries(order, files, context);
  checkGpu(order, files);
  context.signal.throwIfAborted();
  const standing = makeBase(order, architecture, store, context);
  const [base, runtime, server, own] = await Promise.all([
    standing,
    runtimeEntries(files, processor).then((entries) => makeLayer(store, entries)),
    standing.then(async ({ components }) => await makeLayer(store, await serverEntries(files, components))),
    Promise.all(model.layers.map(async ({ entries, title }) => ({ layer: await makeLayer(store, entries), title }))),
    checkModel(store, order, { model, files }, context),
  ]);
  context.signal.throwIfAborted();
  const layers = [
    ...base.layers,
    { layer: runtime, title: `onnxruntime ${files.versions.onnxruntime}` },
    { layer: server, title: `drayage-serve ${files.versions.server}` },
    ...own,
  ];
  const { id, ...cargo } = await makeImage(store, architecture, layers, {
    User: NOBODY,
    Env: [...base.env, "NODE_ENV=production"],
    Entrypoint: ["/usr/local/bin/node", "/app/main.js", "--config", "/app/serve.json"],
    WorkingDir: "/app",
    ExposedPorts: { [`${PORT}/tcp`]: {} },
    Labels: labels(order, model.digest, files),
    StopSignal: "SIGTERM",
  });
  const size = layers.reduce((sum, { layer }) => sum + layer.size, 0);
  return {
    reference: `${path.basename(order.model ?? "")}@${model.digest.slice(7, 19)}`,
    facts: { id, architecture, exposed: [PORT], size },
    cargo,
    run: { ready: "/health/ready", readOnly: true },
  };
}

/** Without CUDA's libraries onnxruntime would fall back to the processor and say nothing. @throws Failure image.no-base */
function checkGpu(order: RecipeOrder, files: ServerFiles): void {
  if (order.limits?.gpus === undefined) return;
  if (order.base === undefined) {
    throw new Failure("image.no-base", "a model that runs on a GPU needs an image with CUDA and cuDNN under it", {
      hint: "base: an image with CUDA 12, cuDNN 9 and Node in /usr/local/bin/node",
    });
  }
  if (hasCuda(files)) return;
  throw new Failure("image.no-base", "the onnxruntime on this computer came without its CUDA provider", {
    hint: `its install script fetches it (Linux x64): npm install -g onnxruntime-node@${files.versions.onnxruntime}; in a checkout: npm rebuild onnxruntime-node`,
  });
}

function labels(order: RecipeOrder, digest: string, files: ServerFiles): Record<string, string> {
  return {
    "org.opencontainers.image.title": order.service,
    ...(order.commit === undefined ? {} : { "org.opencontainers.image.revision": order.commit }),
    "dray.model": digest,
    "dray.onnxruntime": files.versions.onnxruntime,
    "dray.serve": files.versions.server,
    "dray.sbom": `/${SBOM_PATH}`,
  };
}

/** The layers that are the model's own, the small one last: one that did not change is not sent again. */
interface ModelLayers {
  layers: { title: string; entries: LayerEntry[] }[];
  digest: string;
  /** What the server is started with to look at the same files here. */
  flags: string[];
}

/** Model, schema, golden requests and settings; and each file with weights by itself. @throws Failure image.no-model */
async function modelEntries(order: RecipeOrder, server: ServerFiles, context: Context): Promise<ModelLayers> {
  const { model: file, schema, golden } = modelFiles(order);
  const model = await readFile(file).catch((error: unknown) => {
    throw new Failure("image.no-model", `there is no ${order.model}`, {
      hint: "model: names an .onnx file, from the manifest's folder",
      cause: error,
    });
  });
  const weights = await modelWeights(file, model, server, context.signal);
  // What a model calls its weights could be the name of one of the server's own files.
  const at = weights === undefined ? "app/model.onnx" : "app/model/model.onnx";
  const carried = await weightLayers(file, weights);
  const modelBytes = model.byteLength + (await bytesOf(carried));
  const settings = { ...settingsOf(order, `/${at}`, { schema, golden }), modelBytes };
  const entries: LayerEntry[] = [
    { path: at, mode: 0o644, content: model },
    { path: "app/serve.json", mode: 0o644, content: Buffer.from(JSON.stringify(settings)) },
  ];
  const flags = ["--model", file, "--service", order.service];
  for (const [name, from] of [
    ["schema.yaml", schema],
    ["golden.json", golden],
  ] as const) {
    if (from === undefined) continue;
    entries.push({ path: `app/${name}`, mode: 0o644, content: await readFile(from) });
    flags.push(name === "schema.yaml" ? "--schema" : "--golden", from);
  }
  if (order.route !== undefined) flags.push("--route", order.route);
  const digest = weights?.digest ?? `sha256:${createHash("sha256").update(model).digest("hex")}`;
  return { layers: [...carried, { title: `the model ${digest}`, entries }], digest, flags };
}

async function weightLayers(model: string, weights: Weights | undefined): Promise<ModelLayers["layers"]> {
  const layer = async (name: string): Promise<ModelLayers["layers"][number]> => {
    const from = await realpath(path.join(path.dirname(model), name));
    return { title: `weights ${name}`, entries: [{ path: `app/model/${name}`, mode: 0o644, from }] };
  };
  return await Promise.all((weights?.names ?? []).map(layer));
}

/** Of files that are carried as they are. */
async function bytesOf(layers: ModelLayers["layers"]): Promise<number> {
  const files = layers.flatMap(({ entries }) => entries.flatMap((entry) => ("from" in entry ? [entry.from] : [])));
  const sizes = await Promise.all(files.map(async (from) => (await stat(from)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function settingsOf(
  order: RecipeOrder,
  model: string,
  files: { schema?: string | undefined; golden?: string | undefined },
): object {
  return {
    service: order.service,
    model,
    ...(files.schema === undefined ? {} : { schema: "/app/schema.yaml" }),
    ...(files.golden === undefined ? {} : { golden: "/app/golden.json" }),
    ...(order.route === undefined ? {} : { route: order.route }),
    ...limitsOf(order),
  };
}

function limitsOf(order: RecipeOrder): Record<string, number | boolean> {
  const { limits } = order;
  if (limits === undefined) return {};
  return {
    timeoutMs: limits.timeout,
    ...(limits.queue === undefined ? {} : { queue: limits.queue }),
    ...(limits.body === undefined ? {} : { body: limits.body }),
    ...(limits.gpus === undefined ? {} : { gpu: true }),
    // A share of a machine's cores is not a number of cores that Node can see.
    ...(limits.cpus === undefined ? {} : { workers: Math.max(1, Math.ceil(limits.cpus)) }),
  };
}

/** Has the server itself load the model, its schema and its golden request: what cannot be served is said before anything is sent. */
async function checkModel(
  store: ContentStore,
  order: RecipeOrder,
  { model, files }: { model: ModelLayers; files: ServerFiles },
  context: Context,
): Promise<void> {
  const contents = model.layers
    .flatMap(({ entries }) => entries)
    .map((entry) => ("content" in entry ? entry.content.toString("base64") : ""));
  const key = createHash("sha256")
    .update(JSON.stringify(["checked", files.versions, model.digest, contents]))
    .digest("hex");
  if ((await store.recall(key)) !== undefined) return;
  const ended = await askServer(files, "inspect", model.flags, context.signal);
  if (ended.code !== 0) {
    throw new Failure(
      "image.bad-model",
      `${order.model} cannot be served: ${ended.stderr.trim().split("\n")[0] ?? ""}`,
      {
        hint: `the same check: dray serve --model ${order.model ?? "model.onnx"}`,
        details: ended.stderr.trim().split("\n").slice(1, 6),
      },
    );
  }
  await store.remember(key, "ok");
}
