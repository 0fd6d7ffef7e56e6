// npm run site: docs/ as a site that needs no server and no network, in .dray/site.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { addressOf } from "./addresses.mjs";
import { deadLinks } from "./links.mjs";
import { forSite } from "./markdown.mjs";
import { page } from "./page.mjs";
import { sectionsOf, textOf } from "./sections.mjs";

const OUT = process.env.DRAY_SITE ?? ".dray/site";
/** What pages lead to and docs/ does not have: read as a page, too. */
const SHOWN = [
  "action.yml",
  "ci/gitlab.yml",
  "examples/decisions-fastapi",
  "examples/decisions-onnx",
  "docs/monitoring/rules.yaml",
  "docs/monitoring/grafana.json",
];
const LONGEST = 10_000;

/** A file, or the files of a folder, as a page. */
function shown(at) {
  const files = statSync(at).isDirectory() ? readdirSync(at).map((name) => path.posix.join(at, name)) : [at];
  const blocks = files.map((file) => {
    const length = statSync(file).size;
    const text = length > LONGEST ? `${length} bytes, not shown here` : readFileSync(file, "utf8").trim();
    return `## ${path.posix.relative(path.posix.dirname(at), file)}\n\n~~~~text\n${text}\n~~~~\n`;
  });
  return `# ${at.replace(/^docs\//, "")}\n\n${blocks.join("\n")}`;
}

const pageOf = (at) => (statSync(at).isDirectory() ? `${at}/README.md` : `${at}.md`);

/** Pages that do not lie in docs/, by their path in the repository. */
const elsewhere = [
  ...["README.md", "ARCHITECTURE.md"].map((file) => [file, readFileSync(file, "utf8")]),
  ...SHOWN.map((at) => [pageOf(at), shown(at)]),
];

export default function configure(site) {
  site.setQuietMode(true);
  site.setUseGitIgnore(false);
  // A page of docs/ is no template: what stands in double braces there is meant for others.
  site.setTemplateFormats("md");
  site.amendLibrary("md", (markdown) => markdown.set({ html: true }).use(forSite));
  for (const [file, text] of elsewhere) site.addTemplate(`elsewhere/${file}`, text, { source: file });
  site.addGlobalData("eleventyComputed", {
    source: ({ source, page: { inputPath } }) =>
      source === undefined || source === "" ? inputPath.replace("./", "") : source,
    permalink: ({ source, page: { inputPath } }) => addressOf(source || inputPath.replace("./", "")),
  });
  site.addPassthroughCopy({
    "docs/*.{png,svg,json}": ".",
    "site/site.css": "site.css",
    "site/search.js": "search.js",
    "node_modules/minisearch/dist/umd/index.js": "minisearch.js",
  });

  const sections = new Map();
  site.addTransform("page", function wrap(content) {
    const address = path.posix.relative(OUT, this.page.outputPath);
    const source = this.page.inputPath.replace("./", "").replace("docs/elsewhere/", "");
    sections.set(address, sectionsOf(address, content));
    const title = /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(content)?.[1] ?? address;
    return page(source, textOf(title), content);
  });
  site.on("eleventy.after", () => {
    const all = [...sections.values()].flat();
    writeFileSync(path.join(OUT, "search-index.js"), `globalThis.SECTIONS = ${JSON.stringify(all)};\n`);
    const dead = deadLinks(OUT, [...sections.keys()]);
    if (dead.length > 0) throw new Error(`links that lead nowhere:\n${dead.join("\n")}`);
    process.stdout.write(`${sections.size} pages in ${OUT}; open ${path.join(OUT, "index.html")}\n`);
  });
  return { dir: { input: "docs", output: OUT }, markdownTemplateEngine: false };
}
