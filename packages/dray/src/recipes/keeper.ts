import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { ContentStore } from "../oci/content-store.ts";
import type { Context } from "../core/context.ts";
import type { Cargo } from "../core/registry.ts";
import { makeImage } from "../oci/image.ts";
import { makeLayer } from "../oci/layer.ts";
import { findProgram } from "./programs.ts";
import { SBOM_PATH, sbomEntry } from "./sbom.ts";
import { architectureOf, makeBase, ownBaseName } from "./serve-base.ts";
import { SHELL_NAME, shellLayer } from "./shell.ts";

/** The keeper's one file on this computer. */
const program = (): string => path.join(findProgram("keeper").folder, "main.js");

/** What the keeper's image is called on a machine: the same program has the same name. `architecture`: amd64 or arm64. */
export async function keeperImage(architecture: string): Promise<string> {
  const hash = createHash("sha256")
    .update(ownBaseName(architecture))
    .update(SHELL_NAME)
    .update(await readFile(program()));
  return `dray/keeper:${hash.digest("hex").slice(0, 12)}-${architecture}`;
}

/** Makes the keeper's image: Node, as under a model's server, a shell for replicas without one, and one file. @throws Failure image.no-base */
export async function makeKeeper(architecture: string, context: Context): Promise<Cargo> {
  const store = new ContentStore();
  await store.open();
  const base = await makeBase({ service: "keeper", folder: "." }, architecture, store, context);
  const shell = await shellLayer(architectureOf(architecture), store, context);
  const own = await makeLayer(store, [
    { path: "app/main.js", mode: 0o644, from: program() },
    await sbomEntry(path.join(path.dirname(program()), "sbom.cdx.json"), [...base.components, ...shell.components]),
  ]);
  const { id: _id, ...cargo } = await makeImage(
    store,
    architecture,
    [...base.layers, shell, { layer: own, title: "keeper" }],
    {
      User: "0:0",
      Env: [...base.env, "NODE_ENV=production"],
      Entrypoint: ["/usr/local/bin/node", "--enable-source-maps", "/app/main.js"],
      WorkingDir: "/app",
      ExposedPorts: {},
      Labels: { "dray.role": "keeper", "dray.sbom": `/${SBOM_PATH}` },
      StopSignal: "SIGTERM",
    },
  );
  return cargo;
}
