import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const idsOf = (html) => new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id));

/** Links of the built pages that lead to no file or to no anchor of the site; pages are addresses in the folder `out`. */
export function deadLinks(out, pages) {
  const read = (address) => readFileSync(path.join(out, address), "utf8");
  return pages.flatMap((from) => {
    const links = [...read(from).matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, link]) => link);
    return links.flatMap((link) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file, anchor] = link.split("#");
      const target = file === "" ? from : path.posix.join(path.posix.dirname(from), file);
      if (!existsSync(path.join(out, target))) return [`${from}: ${link}`];
      const missing = anchor !== undefined && !idsOf(read(target)).has(decodeURIComponent(anchor));
      return missing ? [`${from}: ${link}`] : [];
    });
  });
}
