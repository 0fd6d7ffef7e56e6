import { readFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import type { CarriedRequest, Field, Payload } from "../core/payload.ts";

/** Content types of the files that models are sent; of the IANA's list where it has one. */
const TYPES: Record<string, string> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  bmp: "image/bmp",
  tif: "image/tiff",
  tiff: "image/tiff",
  svg: "image/svg+xml",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  flac: "audio/flac",
  ogg: "audio/ogg",
  m4a: "audio/mp4",
  mp4: "video/mp4",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  txt: "text/plain; charset=utf-8",
  html: "text/html; charset=utf-8",
  xml: "application/xml",
  json: "application/json",
  jsonl: "application/x-ndjson",
  ndjson: "application/x-ndjson",
  npy: "application/x-npy",
  npz: "application/x-npz",
  parquet: "application/vnd.apache.parquet",
  arrow: "application/vnd.apache.arrow.file",
  pdf: "application/pdf",
  zip: "application/zip",
  gz: "application/gzip",
};
const ANY = "application/octet-stream";

/** The content type of a file, by its name. */
export function typeOf(file: string): string {
  return TYPES[path.extname(file).slice(1).toLowerCase()] ?? ANY;
}

/** Reads what a request carries, where that is a file or a form. `folder`: where relative paths start. @throws Failure request.no-file */
export async function readPayload({ file, form }: CarriedRequest, folder: string): Promise<Payload | undefined> {
  if (file !== undefined) return { type: typeOf(file), bytes: await readBytes(file, folder) };
  return form === undefined ? undefined : await multipart(form, folder);
}

async function readBytes(file: string, folder: string): Promise<Uint8Array> {
  return await readFile(path.resolve(folder, file)).catch((error: unknown) => {
    throw new Failure("request.no-file", `${file} cannot be read: ${(error as Error).message}`, {
      hint: "name a file that is there; in golden.json its path starts at golden.json's own folder",
      cause: error,
    });
  });
}

async function multipart(form: Record<string, Field>, folder: string): Promise<Payload> {
  const data = new FormData();
  for (const [name, field] of Object.entries(form)) {
    if (typeof field === "string") data.append(name, field);
    else {
      const type = field.type ?? typeOf(field.file);
      const bytes = await readBytes(field.file, folder);
      data.append(name, new Blob([Buffer.from(bytes)], { type }), path.basename(field.file));
    }
  }
  // The platform writes it down, and chooses what stands between the parts.
  const made = new Response(data);
  return {
    type: made.headers.get("content-type") ?? "multipart/form-data",
    bytes: new Uint8Array(await made.arrayBuffer()),
  };
}
