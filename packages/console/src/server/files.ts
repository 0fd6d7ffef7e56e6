import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** A part of the page, in memory. */
export interface PageFile {
  type: string;
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
    const file = { type, bytes: await readFile(path.join(folder, name)) };
    pages.set(`/${name.split(path.sep).join("/")}`, file);
  }
  const index = pages.get("/index.html");
  if (index === undefined) throw new TypeError(`no page in ${folder}: npm run build`);
  pages.set("/", index);
  return pages;
}
