import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../packages/dray/src", import.meta.url));

/** Who may import whom, besides itself: the whole law. */
const FLOORS: Record<string, string[]> = {
  base: [],
  core: ["base"],
  machine: ["core", "base"],
  manifest: ["core", "base"],
  recipes: ["machine", "core", "base"],
  registries: ["machine", "core", "base"],
  clouds: ["machine", "core", "base"],
  probes: ["machine", "core", "base"],
  targets: ["probes", "registries", "machine", "core", "base"],
  catalogue: ["targets", "clouds", "registries", "recipes", "core", "base"],
  flows: ["catalogue", "targets", "clouds", "probes", "registries", "recipes", "machine", "manifest", "core", "base"],
  index: ["flows", "manifest", "machine", "core", "base"],
  cli: ["flows", "manifest", "machine", "core", "base"],
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
);
const floorOf = (file: string): string =>
  file.includes(path.sep) ? (file.split(path.sep)[0] ?? "") : path.basename(file, ".ts");
const source = (file: string): string => readFileSync(path.join(SRC, file), "utf8");
const imports = (file: string): string[] =>
  [...source(file).matchAll(/from "([^"]+)"/g)].map((match) => match[1] ?? "");

test("the reader is not blind", () => {
  expect(files.length).toBeGreaterThan(40);
  expect(files.flatMap(imports).length).toBeGreaterThan(150);
});

test("every floor imports only from floors below it", () => {
  const broken = files.flatMap((file) =>
    imports(file)
      .filter((to) => to.startsWith("."))
      .map((to) => floorOf(path.relative(SRC, path.resolve(SRC, path.dirname(file), to))))
      .filter((to) => to !== floorOf(file) && !FLOORS[floorOf(file)]?.includes(to))
      .map((to) => `${file} -> ${to}`),
  );
  expect(broken).toEqual([]);
});

test("core does no I/O, processes start in base/process, words are printed in cli/screen", () => {
  const guilty = files.filter(
    (file) =>
      (floorOf(file) === "core" && imports(file).some((to) => to.startsWith("node:"))) ||
      (imports(file).includes("node:child_process") && file !== path.join("base", "process.ts")) ||
      (/console\.\w+\(|process\.std(out|err)\.write/.test(source(file)) &&
        !file.startsWith(path.join("cli", "screen"))),
  );
  expect(guilty).toEqual([]);
});

test("no file is longer than three screens", () => {
  expect(files.filter((file) => source(file).split("\n").length > 300)).toEqual([]);
});
