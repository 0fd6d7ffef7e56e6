// Types and modules by tsc; each program bundled.
import { spawnSync } from "node:child_process";
import { bundleCli, bundleKeeper, bundlePage, bundleServer } from "./bundle.mjs";

for (const name of ["clock", "record", "keeper", "serve", "console", "dray"]) {
  const compiled = spawnSync("node_modules/.bin/tsc", ["-p", `packages/${name}/tsconfig.build.json`], {
    stdio: "inherit",
  });
  if (compiled.status !== 0) process.exit(1);
}

await bundleKeeper("packages/keeper/dist/bundle");
await bundleCli("packages/dray/dist/cli");
await bundleServer("packages/serve/dist/bundle");
await bundlePage("packages/console/dist/page");
