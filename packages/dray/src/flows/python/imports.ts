import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** What Python files need. */
export interface Needs {
  /** Files of the folder, as paths from it. */
  local: string[];
  /** Other modules, by their first name. */
  modules: string[];
}

/** `import a.b, c as d` and `from a.b import c`, at the beginning of a line or inside a function. */
const IMPORT = /^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))/gm;

/** The modules that some modules need, through the files of the folder to what comes from elsewhere. */
export async function needsOf(folder: string, from: readonly string[]): Promise<Needs> {
  const local = new Set<string>();
  const modules = new Set<string>();
  const left = [...from];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const file = fileOf(folder, name);
    const top = name.split(".")[0] ?? "";
    if (file === undefined) {
      if (top !== "") modules.add(top);
    } else if (!local.has(file)) {
      local.add(file);
      left.push(...importsOf(await readFile(path.join(folder, file), "utf8")));
    }
  }
  return { local: [...local].toSorted(), modules: [...modules].toSorted() };
}

function importsOf(source: string): string[] {
  return [...source.matchAll(IMPORT)].flatMap(([, from, plain]) =>
    from === undefined ? (plain ?? "").split(",").map((each) => each.trim().split(/\s/)[0] ?? "") : [from],
  );
}

/** Where a module of the folder is: the file of its whole name, or of the package that it is in. */
function fileOf(folder: string, name: string): string | undefined {
  const parts = name.split(".").filter((part) => part !== "");
  for (let length = parts.length; length > 0; length--) {
    const at = path.join(...parts.slice(0, length));
    const found = [`${at}.py`, path.join(at, "__init__.py")].find((file) => existsSync(path.join(folder, file)));
    if (found !== undefined) return found;
  }
  return undefined;
}
