import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder python/ of this package, wherever the code that runs lies in it: source, modules or one bundle. */
function folder(): string {
  for (let at = path.dirname(fileURLToPath(import.meta.url)); ; at = path.dirname(at)) {
    const found = path.join(at, "python");
    if (existsSync(path.join(found, "serve.py"))) return found;
    if (at === path.dirname(at)) throw new TypeError("this package came without its folder python/");
  }
}

/** A file that `dray init` writes for Python models, or runs there. */
export async function template(name: string): Promise<string> {
  return await readFile(path.join(folder(), name), "utf8");
}
