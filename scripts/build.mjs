// Types and modules by tsc; the two commands as one file each, so that they start in half the time.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build } from "esbuild";

for (const name of ["clock", "keeper", "serve", "dray"]) {
  const compiled = spawnSync("node_modules/.bin/tsc", ["-p", `packages/${name}/tsconfig.build.json`], {
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
}

/** Bundles one command with everything it needs. */
async function bundle(entry, outfile, external = []) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: true,
    minifySyntax: true,
    minifyWhitespace: true,
    mainFields: ["module", "main"],
    external,
    metafile: true,
    outfile,
    // Dependencies in CommonJS ask for node's own modules by require, and for their folder.
    banner: {
      js: 'import { createRequire as __r } from "node:module"; import { dirname as __d } from "node:path"; import { fileURLToPath as __f } from "node:url"; const require = __r(import.meta.url); const __filename = __f(import.meta.url); const __dirname = __d(__filename);',
    },
  });
  chmodSync(outfile, 0o755);
  return result.metafile;
}

/** What is in a bundle, as CycloneDX 1.6: it travels in every image. */
function writeSbom(metafile, file, beside) {
  const folders = new Set(
    Object.keys(metafile.inputs).flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []),
  );
  for (const name of beside) folders.add(`node_modules/${name}`);
  const components = [...folders].toSorted().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    return {
      type: "library",
      name,
      version,
      purl,
      licenses: typeof license === "string" ? [{ expression: license }] : [],
    };
  });
  const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1, components };
  writeFileSync(file, `${JSON.stringify(bom, undefined, 1)}\n`);
}

const kept = await bundle("packages/keeper/src/main.ts", "packages/keeper/dist/bundle/main.js");
writeSbom(kept, "packages/keeper/dist/bundle/sbom.cdx.json", []);
await bundle("packages/dray/src/cli/main.ts", "packages/dray/dist/cli/main.js");
// onnxruntime brings a shared library: it stays beside the bundle.
const served = await bundle("packages/serve/src/main.ts", "packages/serve/dist/bundle/main.js", ["onnxruntime-node"]);
const assets = "packages/serve/dist/bundle/assets";
mkdirSync(assets, { recursive: true });
const swagger = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
  cpSync(path.join(swagger, file), path.join(assets, file));
writeSbom(served, "packages/serve/dist/bundle/sbom.cdx.json", [
  "onnxruntime-node",
  "onnxruntime-common",
  "swagger-ui-dist",
]);
