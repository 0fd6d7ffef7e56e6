// The figures of the house: npm run house. With --check it fails where one of them is above its limit.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What a figure may be at most: a limit goes down, never up. Asked for is 60 lines, 4 parameters, and no name twice. */
const LIMITS = {
  "lines of nine functions in ten": 20,
  "functions of more than 60 lines": 0,
  "functions of more than 4 parameters": 0,
  "names that are exported by two files of a package": 0,
  "circles of imports, types included": 0,
  "files outside its folder that know a target": 1,
};

interface FunctionFigure {
  file: string;
  name: string;
  lines: number;
  parameters: number;
}

/** A node of a function, as far as it matters here. */
interface Fn {
  start: number;
  end: number;
  params: unknown[];
}

interface SourceFile {
  file: string;
  functions: FunctionFigure[];
  exported: string[];
  imports: string[];
}

const packages = readdirSync(path.join(ROOT, "packages"));

function filesOf(name: string): string[] {
  const src = path.join(ROOT, "packages", name, "src");
  return readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|d)\.ts$/.test(file))
    .map((file) => path.join(src, file));
}

function read(file: string): SourceFile {
  const text = readFileSync(file, "utf8");
  const starts = lineStarts(text);
  const functions: FunctionFigure[] = [];
  const { program, module } = parseSync(file, text);
  const shown = path.relative(ROOT, file);
  const take = (node: Fn, name: string): void => {
    const lines = lineOf(starts, node.end) - lineOf(starts, node.start) + 1;
    functions.push({ file: shown, name, lines, parameters: node.params.length });
  };
  const named = (key: { type: string; name?: unknown }, value: { type: string } | null): void => {
    if (value?.type === "ArrowFunctionExpression" || value?.type === "FunctionExpression")
      take(value as unknown as Fn, typeof key.name === "string" ? key.name : "(computed)");
  };
  // Functions that have a name: a callback of one line is part of what it is handed to.
  new Visitor({
    FunctionDeclaration: (node) => take(node, node.id?.name ?? "(default)"),
    VariableDeclarator: (node) => named(node.id, node.init),
    Property: (node) => named(node.key, node.value),
    MethodDefinition: (node) => named(node.key, node.value),
    PropertyDefinition: (node) => named(node.key, node.value),
  }).visit(program);
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.flatMap((entry) =>
      entry.moduleRequest === null && entry.exportName.name !== null ? [entry.exportName.name] : [],
    ),
  );
  const imports = [...module.staticImports.map(({ moduleRequest }) => moduleRequest.value), ...reexports(module)];
  return { file, functions, exported, imports: imports.flatMap((to) => localFile(file, to)) };
}

function reexports(module: ReturnType<typeof parseSync>["module"]): string[] {
  return module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest?.value ?? []));
}

function localFile(from: string, to: string): string[] {
  return to.startsWith(".") ? [path.resolve(path.dirname(from), to)] : [];
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}

function lineOf(starts: readonly number[], at: number): number {
  return starts.findLastIndex((start) => start <= at);
}

function circlesIn(all: readonly SourceFile[]): string[] {
  const byFile = new Map(all.map((each) => [each.file, each]));
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      const circle = [...way.slice(way.indexOf(file)), file];
      circles.push(circle.map((each) => path.relative(ROOT, each)).join(" -> "));
    }
    if (done.has(file) || way.includes(file)) return;
    for (const to of byFile.get(file)?.imports ?? []) walk(to, [...way, file]);
    done.add(file);
  };
  for (const { file } of all) walk(file, []);
  return circles;
}

const DRAY = path.join(ROOT, "packages", "dray", "src");

/**
 * The acts that the Target contract itself asks for: a verb in flows, and each target's own part of it, may be called as the
 * contract calls them.
 */
function actsOfContract(): Set<string> {
  const text = readFileSync(path.join(DRAY, "contract", "target.ts"), "utf8");
  const target = /export interface Target<[^]*?\n}/.exec(text)?.[0] ?? "";
  return new Set([...target.matchAll(/^ {2}(\w+)\??\(/gm)].map((match) => match[1] ?? ""));
}

/** The target in whose folder a file is. */
function targetOf(file: string): string | undefined {
  const [floor, target] = path.relative(DRAY, file).split(path.sep);
  return floor === "targets" ? target : undefined;
}

/** Can a reader meet both, and has to look which one is meant? No target imports another (test/house.test.ts). */
function meet(name: string, one: string, other: string, acts: ReadonlySet<string>): boolean {
  const [first, second] = [targetOf(one), targetOf(other)];
  if (first !== undefined && second !== undefined) return first === second;
  const verb = [one, other].some((file) => file.startsWith(path.join(DRAY, "flows") + path.sep));
  return !(acts.has(name) && verb && (first ?? second) !== undefined);
}

/** Names that two files of one package export, where both can be met. */
function declaredTwice(all: readonly SourceFile[]): string[] {
  const acts = actsOfContract();
  const byName = new Map<string, string[]>();
  for (const { file, exported } of all)
    for (const name of exported) byName.set(name, [...(byName.get(name) ?? []), file]);
  return [...byName].flatMap(([name, files]) =>
    files.some((one, index) => files.slice(index + 1).some((other) => meet(name, one, other, acts)))
      ? [`${name}: ${files.map((file) => path.relative(ROOT, file)).join(", ")}`]
      : [],
  );
}

/** Files outside a target's folder that import it or compare with its name: what one more target would have to touch. */
function touchedBy(target: string, all: readonly SourceFile[]): string[] {
  const folder = path.join("packages", "dray", "src", "targets", target);
  const compares = new RegExp(`[!=]==? "${target}"|case "${target}"`);
  return all
    .filter(({ file }) => !path.relative(ROOT, file).startsWith(folder + path.sep))
    .filter(
      ({ file, imports }) =>
        imports.some((to) => path.relative(ROOT, to).startsWith(folder + path.sep)) ||
        compares.test(readFileSync(file, "utf8")),
    )
    .map(({ file }) => path.relative(ROOT, file));
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const perPackage = new Map(packages.map((name) => [name, filesOf(name).map(read)]));
const everything = [...perPackage.values()].flat();
print("package    functions   p50   p90   p99  longest  most parameters");
for (const [name, files] of [...perPackage, ["all", everything] as const]) {
  const functions = files.flatMap((each) => each.functions);
  const lines = functions.map((each) => each.lines);
  const most = Math.max(0, ...functions.map((each) => each.parameters));
  const cells = [
    functions.length,
    ...[0.5, 0.9, 0.99].map((share) => quantile(lines, share)),
    Math.max(0, ...lines),
    most,
  ];
  print(
    `${name.padEnd(10)} ${cells.map((cell, index) => String(cell).padStart([9, 5, 5, 5, 8, 16][index] ?? 5)).join(" ")}`,
  );
}

const all = everything.flatMap((each) => each.functions);
const long = all.filter(({ lines }) => lines > 60).toSorted((a, b) => b.lines - a.lines);
const wide = all.filter(({ parameters }) => parameters > 4);
const twice = [...perPackage.values()].flatMap(declaredTwice);
const circles = [...perPackage.values()].flatMap(circlesIn);
const targets = readdirSync(path.join(ROOT, "packages", "dray", "src", "targets"));
const touched = targets.map((target) => touchedBy(target, everything));

const found: Record<keyof typeof LIMITS, { value: number; lines: readonly string[] }> = {
  "lines of nine functions in ten": {
    value: quantile(
      all.map(({ lines }) => lines),
      0.9,
    ),
    lines: [],
  },
  "functions of more than 60 lines": {
    value: long.length,
    lines: long.map(({ lines, file, name }) => `${lines}  ${file} ${name}`),
  },
  "functions of more than 4 parameters": {
    value: wide.length,
    lines: wide.map(({ parameters, file, name }) => `${parameters}  ${file} ${name}`),
  },
  "names that are exported by two files of a package": { value: twice.length, lines: twice },
  "circles of imports, types included": { value: circles.length, lines: circles },
  "files outside its folder that know a target": {
    value: Math.max(0, ...touched.map((files) => files.length)),
    lines: [...new Set(touched.flat())],
  },
};

const above: string[] = [];
for (const [figure, { value, lines }] of Object.entries(found)) {
  const limit = LIMITS[figure as keyof typeof LIMITS];
  print([`\n${figure}: ${value} (at most ${limit})`, ...lines.map((line) => `  ${line}`)].join("\n"));
  if (value > limit) above.push(`${figure}: ${value}, and at most ${limit} are allowed`);
}
if (process.argv.includes("--check") && above.length > 0) {
  process.stderr.write(`${above.join("\n")}\n`);
  process.exitCode = 1;
}
