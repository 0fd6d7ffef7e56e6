// Each program as a few files with everything it needs: it starts in a fraction of the time, and nothing is installed beside it.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { build, transformSync } from "esbuild";
import { build as buildPage } from "vite";

/** Bundles entry points (output name -> source) into a folder. */
async function bundle(entryPoints, outdir, options = {}) {
  const result = await build({
    entryPoints,
    outdir,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: true,
    minifySyntax: true,
    minifyWhitespace: true,
    mainFields: ["module", "main"],
    metafile: true,
    // Dependencies in CommonJS ask for node's own modules by require, and for their folder.
    banner: {
      js: 'import { createRequire as __r } from "node:module"; import { dirname as __d } from "node:path"; import { fileURLToPath as __f } from "node:url"; const require = __r(import.meta.url); const __filename = __f(import.meta.url); const __dirname = __d(__filename);',
    },
    ...options,
  });
  return result.metafile;
}

/** The folders of the packages that are in a bundle. */
export function packagesIn(metafile) {
  return new Set(
    Object.keys(metafile.inputs).flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []),
  );
}

/** The parts of a bundle, as CycloneDX 1.6: it travels in every image. */
function writeSbom(metafile, file, beside) {
  const folders = packagesIn(metafile);
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

/** The keeper, as one file and the list of its parts. */
export async function bundleKeeper(to) {
  const made = await bundle({ main: "packages/keeper/src/main.ts" }, to);
  chmodSync(path.join(to, "main.js"), 0o755);
  writeSbom(made, path.join(to, "sbom.cdx.json"), []);
  return made;
}

/** The model server with its pages; onnxruntime brings a shared library, so it stays beside the bundle. */
export async function bundleServer(to) {
  const made = await bundle({ main: "packages/serve/src/main.ts" }, to, { external: ["onnxruntime-node"] });
  chmodSync(path.join(to, "main.js"), 0o755);
  const assets = path.join(to, "assets");
  mkdirSync(assets, { recursive: true });
  const swagger = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js"])
    cpSync(path.join(swagger, file), path.join(assets, file));
  writeSbom(made, path.join(to, "sbom.cdx.json"), ["onnxruntime-node", "onnxruntime-common", "swagger-ui-dist"]);
  return made;
}

/** `dray` itself: a command loads its own part and what it shares with others, so that a small one starts at once. */
export async function bundleCli(to, entries = {}) {
  const made = await bundle({ main: "packages/dray/src/cli/main.ts", ...entries }, to, { splitting: true });
  chmodSync(path.join(to, "main.js"), 0o755);
  rmSync(path.join(to, "help.txt"), { force: true });
  const help = spawnSync(process.execPath, [path.join(to, "main.js"), "--help"], { encoding: "utf8" });
  if (help.status !== 0) throw new Error(help.stderr);
  writeFileSync(path.join(to, "help.txt"), help.stdout);
  removeOld(to, made);
  return made;
}

/** The page of the console: names with a hash, no part of it from anywhere else, and nothing that its own policy forbids. */
export async function bundlePage(to) {
  const root = path.resolve("packages/console/page");
  await buildPage({
    root,
    configFile: false,
    logLevel: "warn",
    plugins: [firstWords(path.join(root, "shell.css"))],
    build: {
      outDir: path.resolve(to),
      emptyOutDir: true,
      target: "es2022",
      // Its helper for old browsers is a script of its own, and its small files in the page would be inline.
      modulePreload: false,
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  });
}

/**
 * The rules of the first words are written into the page, and its style sheet comes behind these words: nothing has to be
 * fetched before something is seen. The server permits these very rules by their hash.
 */
function firstWords(css) {
  const place = "<!-- shell.css -->";
  const handler = (html) => {
    const [sheet] = /<link rel="stylesheet"[^>]*>/.exec(html) ?? [];
    if (sheet === undefined || !html.includes(place)) throw new Error("the page has no place for its first words");
    const { code } = transformSync(readFileSync(css, "utf8"), { loader: "css", minify: true });
    const inline = html.replace(sheet, "").replace(place, () => `<style>${code.trim()}</style>`);
    return inline.replace("</body>", `${sheet}</body>`);
  };
  return { name: "first-words", transformIndexHtml: { order: "post", handler } };
}

/** What travels in the page. */
export const PAGE_PACKAGES = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

const OLD_MS = 3_600_000;

/** Parts of earlier builds go, but not at once: a command that runs from one loads its parts as it needs them. */
function removeOld(folder, metafile) {
  const made = new Set(Object.keys(metafile.outputs).map((file) => path.basename(file)));
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    if (!/-[A-Z0-9]{8}\.js(\.map)?$/.test(name) || made.has(name)) continue;
    if (Date.now() - statSync(file).mtimeMs > OLD_MS) rmSync(file, { force: true });
  }
}
