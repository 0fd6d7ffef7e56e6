// What the site's Markdown has beyond markdown-it's own: anchors of headings, and links that lead to the site's pages.
import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { anchorOf, wayTo } from "./addresses.mjs";

/** The page that a link of `from` leads to, by its path in the repository; undefined for what is elsewhere. */
function targetOf(from, href) {
  if (/^([a-z]+:|#)/.test(href)) return undefined;
  const [file = ""] = href.split("#");
  const target = path.posix.join(path.posix.dirname(from), file).replace(/\/$/, "");
  const isFolder = existsSync(target) && statSync(target).isDirectory();
  if (isFolder) return `${target}/README.md`;
  return /\.(md|png|svg)$/.test(target) ? target : `${target}.md`;
}

function linked(from, href) {
  const target = targetOf(from, href);
  if (target === undefined) return href;
  const [, anchor] = href.split("#");
  return wayTo(from, target) + (anchor === undefined ? "" : `#${anchor}`);
}

/** A plugin of markdown-it. */
export function forSite(markdown) {
  markdown.core.ruler.push("site", ({ tokens, env }) => {
    for (const [index, token] of tokens.entries()) {
      if (token.type === "heading_open") token.attrSet("id", anchorOf(tokens[index + 1].content));
      if (token.type === "th_open" && tokens[index + 1].content === "") token.tag = "td";
      if (token.type === "th_close" && tokens[index - 1].content === "") token.tag = "td";
      for (const child of token.children ?? []) {
        const name = child.type === "link_open" ? "href" : "src";
        const value = child.type === "link_open" || child.type === "image" ? child.attrGet(name) : null;
        if (value !== null) child.attrSet(name, linked(env.source, value));
      }
    }
  });
  // A block that is wider than the window is scrolled by keyboard, too.
  for (const rule of ["fence", "code_block"]) {
    const own = markdown.renderer.rules[rule];
    markdown.renderer.rules[rule] = (...given) => own(...given).replace("<pre", '<pre tabindex="0"');
  }
  markdown.renderer.rules.table_open = () => '<div class="wide" tabindex="0"><table>\n';
  markdown.renderer.rules.table_close = () => "</table></div>\n";
}
