// Types and modules by tsc; the two commands as one file each, so that they start in half the time.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild";

for (const name of ["dray", "serve"]) {
  const compiled = spawnSync("node_modules/.bin/tsc", ["-p", `packages/${name}/tsconfig.build.json`], {
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
}

/** Bundles one command with everything it needs. */
async function bundle(entry, outfile, external = []) {
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: true,
    minifySyntax: true,
    mainFields: ["module", "main"],
    external,
    outfile,
    // Dependencies in CommonJS ask for node's own modules by require, and for their folder.
    banner: {
      js: 'import { createRequire as __r } from "node:module"; import { dirname as __d } from "node:path"; import { fileURLToPath as __f } from "node:url"; const require = __r(import.meta.url); const __filename = __f(import.meta.url); const __dirname = __d(__filename);',
    },
  });
  chmodSync(outfile, 0o755);
}

await bundle("packages/dray/src/cli/main.ts", "packages/dray/dist/cli/main.js");
// onnxruntime brings a shared library: it stays beside the bundle.
await bundle("packages/serve/src/main.ts", "packages/serve/dist/bundle/main.js", ["onnxruntime-node"]);
const assets = "packages/serve/dist/bundle/assets";
mkdirSync(assets, { recursive: true });
const swagger = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
  cpSync(path.join(swagger, file), path.join(assets, file));
