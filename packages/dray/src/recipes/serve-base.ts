import type { ContentStore } from "../oci/content-store.ts";
import { Failure } from "../base/failure.ts";
import { fetchImage } from "../oci/fetch.ts";
import { findLogin } from "../oci/login.ts";
import type { Context } from "../core/context.ts";
import type { RecipeOrder } from "../core/recipe.ts";
import type { Architecture } from "./debian/locked.ts";
import { type Choice, type Component, debianLayer, layerKey } from "./debian/layer.ts";
import { LIBRARIES, NODE } from "./debian/lock.ts";
import { nodeLayer } from "./node-build.ts";
import type { Layer } from "../oci/layer.ts";
import { told } from "./told.ts";

/** Docker's names of processors, as Node has them. */
const PROCESSORS: Record<Architecture, string> = { amd64: "x64", arm64: "arm64" };

/** A processor that our own images are made for. @throws Failure image.no-base */
export function architectureOf(name: string): Architecture {
  if (name === "amd64" || name === "arm64") return name;
  throw new Failure("image.no-base", `onnxruntime is not made for linux/${name}`, {
    hint: `there is one for ${Object.keys(PROCESSORS).join(" and ")}`,
  });
}

/** Node's name of a processor that Docker calls `architecture`. @throws Failure image.no-base */
export function nodeName(architecture: string): string {
  return PROCESSORS[architectureOf(architecture)];
}

/** The lower layers of an image, the environment they want, and what a scanner should know of them. */
export interface Base {
  layers: { layer: Layer; title: string }[];
  env: string[];
  components: Component[];
}

/**
 * What the server stands on: Node and Debian's libraries, the same on every computer, or, where the manifest names an
 * image, the layers of that one, fetched over HTTP. @throws Failure image.no-base, image.no-parts
 */
export async function makeBase(
  order: RecipeOrder,
  architecture: string,
  store: ContentStore,
  context: Context,
): Promise<Base> {
  if (order.base === undefined) return await ownBase(architectureOf(architecture), store, context);
  return await fetchedBase(order.base, architecture, store, context);
}

const PASSWD = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n";
const GROUP = "root:x:0:\nnonroot:x:65532:\n";

const BELOW_NODE: Choice = {
  set: LIBRARIES,
  title: "Debian's C and C++ libraries",
  programs: [],
  own: [
    { path: "etc/passwd", mode: 0o644, content: Buffer.from(PASSWD) },
    { path: "etc/group", mode: 0o644, content: Buffer.from(GROUP) },
    { path: "tmp", mode: 0o1777, folder: true },
  ],
};

/** What our own base is called: the same parts have the same name. @throws Failure image.no-base */
export function ownBaseName(architecture: string): string {
  return `${layerKey(BELOW_NODE, architectureOf(architecture))} ${NODE.version}`;
}

async function ownBase(architecture: Architecture, store: ContentStore, context: Context): Promise<Base> {
  const libraries = await debianLayer(BELOW_NODE, architecture, store, context);
  const node = await nodeLayer(architecture, store, context);
  return {
    layers: [
      { layer: libraries.layer, title: BELOW_NODE.title },
      { layer: node.layer, title: `Node ${NODE.version}` },
    ],
    env: ["PATH=/usr/local/bin"],
    components: [...libraries.components, ...node.components],
  };
}

async function fetchedBase(image: string, architecture: string, store: ContentStore, context: Context): Promise<Base> {
  const title = `fetch ${image} for linux/${architecture}`;
  const onBytes = (done: number, total: number): void =>
    context.emit({ type: "step.progress", step: "base", on: "here", done, total, unit: "bytes" });
  try {
    const { config, layers } = await told(
      "base",
      title,
      context,
      async () => await fetchImage({ name: image, architecture }, { store, onBytes }, findLogin, context.signal),
    );
    const env = config.config?.Env ?? [];
    return { layers: layers.map((layer) => ({ layer, title: image })), env, components: [] };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    throw new Failure("image.no-base", `there is no base image for linux/${architecture}: ${error.message}`, {
      hint: "without base: Drayage puts its own together, from Debian's libraries and Node's own build",
      details: error.details,
      cause: error,
    });
  }
}
