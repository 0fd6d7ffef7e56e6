import path from "node:path";

/** Where a file of the repository is on the site: pages of docs/ at its root, a README as its folder's page. */
export function addressOf(file) {
  const inside = file.replace(/^docs\//, "");
  if (!inside.endsWith(".md")) return inside;
  return inside.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html");
}

/** The way from one page of the site to another file of it, relative: the site works in any folder, and without a server. */
export function wayTo(from, to) {
  return path.posix.relative(path.posix.dirname(addressOf(from)), addressOf(to));
}

/** The anchor of a heading, as forges make it. */
export function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}
