import { addressOf, wayTo } from "./addresses.mjs";
import { SECTIONS } from "./contents.mjs";

function section(from, [title, pages]) {
  const links = pages.map(([file, words]) => {
    const here = file === from ? ' aria-current="page"' : "";
    return `<li><a href="${wayTo(from, file)}"${here}>${words}</a></li>`;
  });
  return `<h2>${title}</h2><ul>${links.join("")}</ul>`;
}

/** The page after this one, as they are read. */
function next(from) {
  const all = SECTIONS.flatMap(([, pages]) => pages);
  const at = all.findIndex(([file]) => file === from);
  const [file, words] = all[at + 1] ?? [];
  return at === -1 || file === undefined ? "" : `<p class="next">Next: <a href="${wayTo(from, file)}">${words}</a></p>`;
}

/** A whole page around what was written for `from`. */
export function page(from, title, content) {
  const depth = addressOf(from).split("/").length - 1;
  const root = "../".repeat(depth);
  const language = from.startsWith("docs/pl/") ? "pl" : "en";
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title === "Drayage" ? title : `${title} · Drayage`}</title>
<link rel="stylesheet" href="${root}site.css">
<script defer src="${root}minisearch.js"></script>
<script defer src="${root}search-index.js"></script>
<script defer src="${root}search.js" data-root="${root}"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header>
<a class="name" href="${wayTo(from, "README.md")}">Drayage</a>
<form role="search" onsubmit="return false">
<input id="search" type="search" placeholder="Search" aria-label="Search" autocomplete="off">
<ol id="found" aria-label="Found" hidden></ol>
</form>
</header>
<div class="columns">
<nav aria-label="Pages">${SECTIONS.map((each) => section(from, each)).join("\n")}</nav>
<main id="content" tabindex="-1">
${content}
${next(from)}
</main>
</div>
</body>
</html>
`;
}
