// What the pages of docs/ say is there: links lead somewhere, and commands exist.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { makeProgram } from "../packages/dray/src/cli/program.ts";

const program = await makeProgram();
const pages = [
  "README.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => path.join("docs", file)),
];
const textOf = (page: string): string => readFileSync(page, "utf8");

/** The anchors that a forge makes of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}

/** Links within the project that lead nowhere. */
function deadIn(page: string): string[] {
  const links = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? page : path.join(path.dirname(page), file);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(target).has(anchor);
  });
}

test.each(pages)("%s has no dead link", (page) => {
  expect(deadIn(page)).toEqual([]);
});

test("a dead link is found", () => {
  expect(anchorsOf("README.md")).toContain("what-it-does-not-do");
  expect(anchorsOf("README.md")).not.toContain("what-it-does");
});

/** The lines of a page's blocks that call dray. */
function commandsIn(page: string): string[][] {
  const blocks = [...textOf(page).matchAll(/```(?:sh|console)\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
  const lines = blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/^\$ /, "").replace(/\s#.*$/, ""));
  return lines.filter((line) => line.startsWith("dray ")).map((line) => line.trim().split(/\s+/).slice(1));
}

/** The command that a line names, and those of its options that the command does not have. */
function unknownIn(argv: readonly string[]): string[] {
  let command = program;
  let rest = [...argv];
  for (let next = command; ;) {
    const found = next.commands.find((each) => each.name() === rest[0]);
    if (found === undefined) break;
    [command, next, rest] = [found, found, rest.slice(1)];
  }
  if (command === program && !rest[0]?.startsWith("-")) return [`no command ${rest[0]}`];
  const options = command.options.flatMap(({ long, short }) => [long, short]);
  const own = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  return own.filter((word) => word.startsWith("-") && !options.includes(word.split("=")[0] ?? ""));
}

test.each(pages)("each command of %s exists, with its options", (page) => {
  const wrong = commandsIn(page).flatMap((argv) => unknownIn(argv).map((what) => `${argv.join(" ")}: ${what}`));
  expect(wrong).toEqual([]);
});

test("the reader of commands is not blind", () => {
  expect(commandsIn("docs/pl/README.md").length).toBeGreaterThan(10);
  expect(unknownIn(["machine", "clean", "--everything"])).toEqual(["--everything"]);
  expect(unknownIn(["fly"])).toEqual(["no command fly"]);
});

const SHELL = /```(?:sh|console)\n/g;
const NOT_RUN = /<!-- Not run[^>]*-->\n$/;

/** Shell blocks that no test runs and that do not say why: in front of the block, or of the whole page. */
function unexplained(page: string): number[] {
  const text = textOf(page);
  const [first = ""] = /^<!-- Not run[^>]*-->\n/.exec(text) ?? [];
  if (first !== "") return [];
  return [...text.matchAll(SHELL)].flatMap(({ index }) => (NOT_RUN.test(text.slice(0, index)) ? [] : [index]));
}

/** The scenarios that read pages and type what stands there. */
const readers = ["readme", "guides"].map((name) => readFileSync(`test/scenarios/${name}.test.ts`, "utf8")).join("");
const isRead = (page: string): boolean =>
  readers.includes(`"${page}"`) || readers.includes(`follow("${path.basename(page, ".md")}")`);

test.each(pages)("each command block of %s is run by a test, or says why not", (page) => {
  if (!isRead(page)) expect(unexplained(page)).toEqual([]);
  const named = [...textOf(page).matchAll(/test\/[\w/-]+\.test\.ts/g)].map(([file]) => file);
  expect(named.filter((file) => !existsSync(file))).toEqual([]);
});

test("a block that nobody runs is found", () => {
  expect(["README.md", "docs/guides/keys.md", "docs/pl/README.md"].map(isRead)).toEqual([true, true, false]);
  expect(unexplained("docs/guides/keys.md").length).toBeGreaterThan(0);
  expect(unexplained("docs/console.md")).toEqual([]);
});
