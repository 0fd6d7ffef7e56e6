import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../packages/dray/src", import.meta.url));

/** Who may import whom, besides itself: the whole law. */
const FLOORS: Record<string, string[]> = {
  base: [],
  core: ["base"],
  google: ["base"],
  oci: ["google", "core", "base"],
  machine: ["core", "base"],
  edge: ["machine", "core", "base"],
  manifest: ["oci", "core", "base"],
  contract: ["manifest", "edge", "machine", "core", "base"],
  recipes: ["machine", "oci", "core", "base"],
  registries: ["machine", "oci", "core", "base"],
  weights: ["oci", "google", "core", "base"],
  clouds: ["machine", "google", "core", "base"],
  probes: ["edge", "machine", "core", "base"],
  targets: [
    "contract",
    "probes",
    "weights",
    "registries",
    "recipes",
    "edge",
    "machine",
    "manifest",
    "oci",
    "google",
    "core",
    "base",
  ],
  catalogue: ["targets", "clouds", "weights", "registries", "recipes", "contract", "core", "base"],
  yaml: ["catalogue", "manifest", "contract", "core", "base"],
  flows: [
    "catalogue",
    "contract",
    "clouds",
    "probes",
    "registries",
    "recipes",
    "machine",
    "manifest",
    "oci",
    "google",
    "core",
    "base",
  ],
  drayage: ["flows", "contract", "manifest", "core"],
  index: ["drayage", "yaml", "flows", "contract", "manifest", "core", "base"],
  cli: ["drayage", "yaml", "flows", "contract", "manifest", "machine", "core", "base"],
};

/** The same within a floor: its rooms, and what each of them imports. Files outside a room put them together, and no room imports those. */
const ROOMS: Record<string, Record<string, string[]>> = {
  "targets/machines": {
    container: [],
    plan: ["container"],
    image: ["plan", "container"],
    keeper: ["image", "plan", "container"],
    replica: ["keeper", "image", "plan", "container"],
    traffic: ["keeper", "replica", "plan", "container"],
    trace: ["plan"],
    verbs: ["traffic", "keeper", "replica", "image", "plan", "container"],
  },
  flows: {
    runs: [],
    fleet: ["runs"],
    access: ["fleet"],
    watch: ["fleet"],
    reach: ["fleet"],
    release: ["reach", "watch", "fleet"],
    batch: [],
    check: ["fleet"],
    doctor: [],
    python: [],
  },
};

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
);
const floorOf = (file: string): string =>
  file.includes(path.sep) ? (file.split(path.sep)[0] ?? "") : path.basename(file, ".ts");
const source = (file: string): string => readFileSync(path.join(SRC, file), "utf8");
const imports = (file: string): string[] =>
  [...source(file).matchAll(/from "([^"]+)"/g)].map((match) => match[1] ?? "");
/** Also what is imported only once somebody needs it: it makes no circle, but it is known by name. */
const importsLate = (file: string): string[] =>
  [...source(file).matchAll(/import\("([^"]+)"\)/g)].map((match) => match[1] ?? "");
const importedFiles = (file: string): string[] => localFiles(file, imports(file));
const allFiles = (file: string): string[] => localFiles(file, [...imports(file), ...importsLate(file)]);
const localFiles = (file: string, all: readonly string[]): string[] =>
  all.filter((to) => to.startsWith(".")).map((to) => path.relative(SRC, path.resolve(SRC, path.dirname(file), to)));
/** The room of a target's own: `targets/vertex`. */
const roomOf = (file: string): string => file.split(path.sep).slice(0, 2).join(path.sep);

test("the reader is not blind", () => {
  expect(files.length).toBeGreaterThan(40);
  expect(files.flatMap(imports).length).toBeGreaterThan(150);
});

test("every floor imports only from floors below it", () => {
  const broken = files.flatMap((file) =>
    importedFiles(file)
      .map(floorOf)
      .filter((to) => to !== floorOf(file) && !FLOORS[floorOf(file)]?.includes(to))
      .map((to) => `${file} -> ${to}`),
  );
  expect(broken).toEqual([]);
});

test.each(Object.entries(ROOMS))("the rooms of %s import only from rooms below them", (floor, rooms) => {
  const within = files.filter((file) => file.startsWith(floor + path.sep));
  const roomIn = (file: string): string => {
    const [room = "", inside] = path.relative(floor, file).split(path.sep);
    return inside === undefined ? "" : room;
  };
  expect(Object.keys(rooms).toSorted()).toEqual([...new Set(within.map(roomIn))].filter(Boolean).toSorted());
  const broken = within.flatMap((file) =>
    importedFiles(file)
      .filter((to) => to.startsWith(floor + path.sep) && roomIn(file) !== "" && roomIn(to) !== roomIn(file))
      .filter((to) => rooms[roomIn(file)]?.includes(roomIn(to)) !== true)
      .map((to) => `${file} -> ${to}`),
  );
  expect(broken).toEqual([]);
});

test("no target knows another, and only the catalogue knows them by name", () => {
  const broken = files.flatMap((file) =>
    importedFiles(file)
      .filter((to) => floorOf(to) === "targets" && roomOf(to) !== roomOf(file) && file !== "catalogue.ts")
      .map((to) => `${file} -> ${to}`),
  );
  expect(broken).toEqual([]);
});

/** The first file of a target that somebody reaches, and by which way: re-exports are followed, and the catalogue ends a way. */
function targetReached(from: string, importsOf: (file: string) => readonly string[]): string | undefined {
  const seen = new Set<string>();
  const walk = (file: string, way: string): string | undefined => {
    if (floorOf(file) === "targets") return way;
    if (file === "catalogue.ts" || seen.has(file)) return undefined;
    seen.add(file);
    for (const to of importsOf(file)) {
      const found = walk(to, `${way} -> ${to}`);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return walk(from, from);
}

test("verbs, commands and the library reach a target by way of the catalogue alone, re-exports followed", () => {
  const upper = files.filter((file) => ["flows", "cli", "drayage", "index", "yaml"].includes(floorOf(file)));
  expect(upper.length).toBeGreaterThan(100);
  expect(upper.flatMap((file) => targetReached(file, allFiles) ?? [])).toEqual([]);
});

test("a way past the catalogue is found, also by a file that only hands on", () => {
  const graph: Record<string, string[]> = {
    "flows/deploy.ts": ["catalogue.ts", "core/handed-on.ts"],
    "core/handed-on.ts": ["targets/vertex/plan.ts"],
    "catalogue.ts": ["targets/vertex/vertex.ts"],
    "cli/main.ts": ["catalogue.ts"],
  };
  const importsOf = (file: string): string[] => graph[file] ?? [];
  const way = "flows/deploy.ts -> core/handed-on.ts -> targets/vertex/plan.ts";
  expect(targetReached("flows/deploy.ts", importsOf)).toBe(way);
  expect(targetReached("cli/main.ts", importsOf)).toBeUndefined();
});

/** A target's name compared with, from either side, or as a case of a switch. */
const ASKS_WHICH =
  /[!=]==? ?"(machines|vertex|kubernetes)"|"(machines|vertex|kubernetes)" ?[!=]==?|case "(machines|vertex|kubernetes)"/;

test("nobody but a target itself asks which target it is", () => {
  const guilty = files.filter(
    (file) => floorOf(file) !== "targets" && file !== "catalogue.ts" && ASKS_WHICH.test(source(file)),
  );
  expect(guilty).toEqual([]);
});

test.each(['if (kind === "vertex")', 'kind !== "machines"', '"kubernetes" === target.kind', 'case "vertex":'])(
  "that question is found: %s",
  (asked) => {
    expect(asked).toMatch(ASKS_WHICH);
    expect('{ target: "vertex" }').not.toMatch(ASKS_WHICH);
  },
);

test("no file imports itself by way of others, types included", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (done.has(file) || way.includes(file)) return;
    for (const to of importedFiles(file)) walk(to, [...way, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  expect(circles).toEqual([]);
});

test("core does no I/O, processes start in base/process, words are printed in cli/screen", () => {
  const guilty = files.filter(
    (file) =>
      (floorOf(file) === "core" && imports(file).some((to) => to.startsWith("node:"))) ||
      (imports(file).includes("node:child_process") && file !== path.join("base", "process.ts")) ||
      (/console\.\w+\(|process\.std(out|err)\.write/.test(source(file).replaceAll(/^ *\/?\*.*$/gm, "")) &&
        !file.startsWith(path.join("cli", "screen"))),
  );
  expect(guilty).toEqual([]);
});

test("no file is longer than three screens", () => {
  expect(files.filter((file) => source(file).split("\n").length > 300)).toEqual([]);
});

test("each file that the walk of a deploy names exists", () => {
  const root = path.join(SRC, "..", "..", "..");
  const page = readFileSync(path.join(root, "docs", "how-a-deploy-works.md"), "utf8");
  const named = [...page.matchAll(/`([\w./-]+\.ts)`/g)].map((match) => match[1] ?? "");
  expect(named.length).toBeGreaterThan(20);
  const missing = named.filter((file) => !existsSync(path.join(file.startsWith("test/") ? root : SRC, file)));
  expect(missing).toEqual([]);
});

const CONSOLE = path.join(SRC, "..", "..", "console");
const consoleFiles = ["src", "page"].flatMap((room) =>
  readdirSync(path.join(CONSOLE, room), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !/\.(test|d)\.ts$/.test(file))
    .map((file) => path.join(room, file)),
);
const consoleSource = (file: string): string => readFileSync(path.join(CONSOLE, file), "utf8");
const consoleImports = (file: string): { to: string; isType: boolean }[] =>
  [...consoleSource(file).matchAll(/^import (type )?[^;]*?from "([^"]+)"/gm)].map(([, type, to = ""]) => ({
    to,
    isType: type !== undefined,
  }));

test("the console knows no target, and of the library only the shapes of its answers", () => {
  expect(consoleFiles.length).toBeGreaterThan(20);
  const guilty = consoleFiles.flatMap((file) => {
    const named = /\b(vertex|kubernetes)\b|"machines?"[:)\]]? ?(===|!==)|(===|!==) "(machines|vertex|kubernetes)"/i;
    const reached = consoleImports(file).filter(
      ({ to, isType }) =>
        (to.includes("/dray/") && !(isType && /dray\/src\/(core|contract)\//.test(to) && file.startsWith("page"))) ||
        (file.startsWith("page") && (to.startsWith("node:") || (to.includes("../src/") && !isType))) ||
        (file.startsWith("src") && (to.includes("/page/") || /preact|uplot/.test(to))),
    );
    return [
      ...(named.test(consoleSource(file)) ? [`${file} names a target`] : []),
      ...reached.map(({ to }) => `${file} -> ${to}`),
    ];
  });
  expect(guilty).toEqual([]);
});

test("the console's page makes elements and text alone, and none of its files is longer than three screens", () => {
  const makesHtml = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|\beval\(|new Function/i;
  expect(consoleFiles.filter((file) => makesHtml.test(consoleSource(file)))).toEqual([]);
  expect(
    consoleFiles.filter((file) => /localStorage|sessionStorage|document\.cookie/.test(consoleSource(file))),
  ).toEqual([]);
  expect(consoleFiles.filter((file) => consoleSource(file).split("\n").length > 300)).toEqual([]);
});
