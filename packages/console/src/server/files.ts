import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { HEADERS, headersWith } from "./headers.ts";

/** A part of the page, in memory. */
export interface PageFile {
  headers: Readonly<Record<string, string>>;
  bytes: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * Reads the built page once, by the path under which it is asked for. A path that is not a key of this map does not
 * exist, so none can lead out of the folder.
 */
export async function readPage(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(folder, { recursive: true });
  const pages = new Map<string, PageFile>();
  for (const name of names) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const bytes = await readFile(path.join(folder, name));
    const headers = type.startsWith("text/html") ? headersWith(stylesIn(bytes.toString())) : HEADERS;
    pages.set(`/${name.split(path.sep).join("/")}`, { headers: { ...headers, "content-type": type }, bytes });
  }
  const index = pages.get("/index.html");
  if (index === undefined) throw new TypeError(`no page in ${folder}: npm run build`);
  pages.set("/", index);
  return pages;
}

/** The rules that stand in a page of our own. */
function stylesIn(html: string): string[] {
  return [...html.matchAll(/<style>([^<]*)<\/style>/g)].map(([, style = ""]) => style);
}
