// npm run release -- --dry-run: makes the package that is published, and checks it as somebody who installs it meets it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { bundleCli, bundleKeeper, bundlePage, bundleServer, PAGE_PACKAGES, packagesIn } from "./bundle.mjs";

const { values } = parseArgs({
  options: {
    "dry-run": { type: "boolean" },
    offline: { type: "boolean" },
    // Two that make the package at the same time need a folder each.
    out: { type: "string", default: ".dray/release" },
  },
});
const OUT = values.out;
const say = (text) => process.stderr.write(`${text}\n`);
const json = (file) => JSON.parse(readFileSync(file, "utf8"));
const source = json("packages/dray/package.json");

function run(argv, options = {}) {
  const [program, ...rest] = argv;
  const ended = spawnSync(program, rest, { encoding: "utf8", ...options });
  if (ended.status === 0) return ended;
  throw new Error(
    `${argv.join(" ")} ended with ${ended.status ?? ended.error?.message}\n${ended.stdout}${ended.stderr}`,
  );
}

/** The package: bundled, so that npm installs one folder and asks nobody for anything else. */
async function stage(to) {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const made = [
    await bundleCli(path.join(to, "cli"), { index: "packages/dray/src/index.ts" }),
    await bundleKeeper(path.join(to, "keeper")),
    await bundleServer(path.join(to, "serve")),
  ];
  await bundlePage(path.join(to, "console"));
  for (const name of ["keeper", "serve"]) {
    const { version } = json(`packages/${name}/package.json`);
    writeJson(path.join(to, name, "package.json"), { name: `drayage-${name}`, version, type: "module", private: true });
  }
  copyTypes(path.join(to, "types"));
  // Files that `dray init` writes for models of Python.
  cpSync("packages/dray/python", path.join(to, "python"), {
    recursive: true,
    filter: (file) => !file.includes("__pycache__"),
  });
  // A script that the action and GitLab's include call.
  cpSync("packages/dray/ci", path.join(to, "ci"), { recursive: true });
  for (const file of ["README.md", "LICENSE"]) cpSync(file, path.join(to, file));
  writeFileSync(path.join(to, "THIRD-PARTY-LICENSES.txt"), licences(made));
  writeJson(path.join(to, "package.json"), manifest());
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** The published package.json: what is bundled is no dependency. Types of the schema are zod's, for those who import them. */
function manifest() {
  const { name, version, description, license, engines, dependencies } = source;
  return {
    name,
    version,
    description,
    license,
    engines,
    type: "module",
    bin: { dray: "cli/main.js" },
    exports: { ".": { types: "./types/index.d.ts", default: "./cli/index.js" } },
    files: ["ci", "cli", "console", "keeper", "python", "serve", "types", "THIRD-PARTY-LICENSES.txt", "!**/*.map"],
    peerDependencies: { zod: dependencies.zod },
    peerDependenciesMeta: { zod: { optional: true } },
  };
}

function copyTypes(to) {
  const from = "packages/dray/dist";
  for (const file of readdirSync(from, { recursive: true, encoding: "utf8" }))
    if (file.endsWith(".d.ts") && existsSync(`packages/dray/src/${file.replace(/\.d\.ts$/, ".ts")}`))
      cpSync(path.join(from, file), path.join(to, file));
}

/** The licences of everything that is bundled: most of them want to be handed on. */
function licences(metafiles) {
  const folders = new Set(metafiles.flatMap((each) => [...packagesIn(each)]));
  const texts = [...folders, ...["swagger-ui-dist", ...PAGE_PACKAGES].map((name) => `node_modules/${name}`)]
    .toSorted((a, b) => a.localeCompare(b, "en"))
    .map((folder) => {
      const { name, version, license } = json(path.join(folder, "package.json"));
      const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
      const text = file === undefined ? "" : readFileSync(path.join(folder, file), "utf8");
      return `${name} ${version} (${JSON.stringify(license)})\n\n${text.trim()}\n`;
    });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/** Packs the stage; the tarball's path is the answer. */
function pack(from) {
  const { stdout } = run(["npm", "pack", "--json", "--pack-destination", OUT, path.resolve(from)]);
  const [packed] = JSON.parse(stdout);
  const unwanted = packed.files.map((each) => each.path).filter((file) => /\.(map|test\.\w+)$|(^|\/)src\//.test(file));
  if (unwanted.length > 0) throw new Error(`the package has files that nobody needs: ${unwanted.join(", ")}`);
  return { file: path.join(OUT, packed.filename), size: packed.size, unpacked: packed.unpackedSize };
}

/** Installs the tarball into a folder of its own, as `npm install -g` does, and uses it there. */
function check(tarball) {
  const home = mkdtempSync(path.join(tmpdir(), "dray-release-"));
  try {
    const prefix = path.join(home, "prefix");
    const { stdout, stderr } = run([
      "npm",
      "install",
      "--global",
      "--no-audit",
      "--no-fund",
      "--prefix",
      prefix,
      tarball,
    ]);
    const warnings = `${stdout}${stderr}`.split("\n").filter((line) => /warn/i.test(line));
    if (warnings.length > 0) throw new Error(`npm warned:\n${warnings.join("\n")}`);
    // Nothing of this checkout may be what makes it work.
    const env = { PATH: process.env.PATH, HOME: home, DRAY_CACHE: home, NO_COLOR: "1", ...npmSettings() };
    const dray = (...argv) => run([path.join(prefix, "bin", "dray"), ...argv], { env, cwd: home }).stdout;
    if (dray("--version").trim() !== source.version) throw new Error(`dray --version is not ${source.version}`);
    dray("--help");
    checkLibrary(prefix);
    if (values.offline !== true) checkModel(dray, home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** How npm is set up here: where packages come from is no secret, and the model server's library comes from there. */
function npmSettings() {
  const { stdout } = run(["npm", "config", "get", "registry"]);
  return { npm_config_registry: stdout.trim() };
}

function checkLibrary(prefix) {
  const at = path.join(prefix, "lib", "node_modules", source.name);
  for (const file of ["console/index.html", "keeper/main.js", "serve/main.js", "python/serve.py", "types/index.d.ts"])
    if (!existsSync(path.join(at, file))) throw new Error(`the package has no ${file}`);
  const index = path.join(at, "cli", "index.js");
  const text = `const { manifestSchema } = await import(${JSON.stringify(index)}); if (!manifestSchema) process.exit(1);`;
  run([process.execPath, "--input-type=module", "--eval", text]);
}

/** The first use of the model server fetches onnxruntime, and looks into a model with it. */
function checkModel(dray, home) {
  cpSync("examples/decisions-onnx/model.onnx", path.join(home, "model.onnx"));
  dray("init", "--model", "model.onnx", "--machine", "ops@203.0.113.7", "--json");
  for (const file of ["dray.yaml", "schema.yaml", "golden.json"])
    if (!existsSync(path.join(home, file))) throw new Error(`dray init wrote no ${file}`);
}

/** Of which source and by what the tarball was made, as an in-toto statement (SLSA provenance 1.0). */
function statement({ file }) {
  const sha256 = (of) => createHash("sha256").update(readFileSync(of)).digest("hex");
  const commit = run(["git", "rev-parse", "HEAD"]).stdout.trim();
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: path.basename(file), digest: { sha256: sha256(file) } }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: "npm run release",
        externalParameters: { dryRun: values["dry-run"] === true },
        internalParameters: { node: process.version, clean: run(["git", "status", "--porcelain"]).stdout === "" },
        resolvedDependencies: [
          { name: "source", digest: { gitCommit: commit } },
          { name: "package-lock.json", digest: { sha256: sha256("package-lock.json") } },
        ],
      },
      runDetails: { builder: { id: "scripts/release.mjs" } },
    },
  };
}

if (values["dry-run"] !== true) {
  say(
    "nothing is published by itself: npm run release -- --dry-run makes and checks the package, npm publish sends it",
  );
  process.exit(2);
}
const folder = path.join(OUT, "package");
await stage(folder);
const packed = pack(folder);
check(path.resolve(packed.file));
writeJson(`${packed.file}.intoto.json`, statement(packed));
say(
  `${packed.file}: ${(packed.size / 1e6).toFixed(1)} MB packed, ${(packed.unpacked / 1e6).toFixed(1)} MB installed, checked`,
);
process.stdout.write(
  `${JSON.stringify({ file: packed.file, packedMb: packed.size / 1e6, installedMb: packed.unpacked / 1e6 })}\n`,
);
