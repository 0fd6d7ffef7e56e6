// Types and modules by tsc; the command itself as one file, so that it starts in half the time.
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { build } from "esbuild";

const DRAY = "packages/dray";
const compiled = spawnSync("node_modules/.bin/tsc", ["-p", `${DRAY}/tsconfig.build.json`], { stdio: "inherit" });
if (compiled.status !== 0) process.exit(1);
const outfile = `${DRAY}/dist/cli/main.js`;
await build({
  entryPoints: [`${DRAY}/src/cli/main.ts`],
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  sourcemap: true,
  minifySyntax: true,
  mainFields: ["module", "main"],
  outfile,
  // Dependencies in CommonJS ask for node's own modules by require.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
chmodSync(outfile, 0o755);
