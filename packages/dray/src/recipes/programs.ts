import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** A bundled program that goes into images: the folder of its main.js, and the package.json that names its version. */
export interface Program {
  folder: string;
  manifest: string;
}

/** Finds a program that came with this one: beside it in the published package, a package of its own in a checkout. */
export function findProgram(name: "keeper" | "serve"): Program {
  const beside = fileURLToPath(new URL(`../${name}/`, import.meta.url));
  if (existsSync(path.join(beside, "main.js"))) return { folder: beside, manifest: path.join(beside, "package.json") };
  const manifest = createRequire(import.meta.url).resolve(`drayage-${name}/package.json`);
  const folder = path.join(path.dirname(manifest), "dist", "bundle");
  if (!existsSync(path.join(folder, "main.js"))) throw new TypeError(`no ${name} in ${folder}: npm run build`);
  return { folder, manifest };
}
