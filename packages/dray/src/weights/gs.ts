import { googleToken } from "../google/token.ts";
import type { WeightsFile } from "../core/weights.ts";
import { look } from "./ask.ts";
import { askSource, noFiles } from "./ask-json.ts";
import { isWanted, lastPart, nameContent, type Pinned, type WeightsAsked, type WeightsSource } from "./source.ts";

/** An object of a bucket of Google's Cloud Storage, or all below a folder of it. */
export const gs: WeightsSource = {
  schemes: ["gs"],
  pin: async (asked) => await Promise.resolve(pin(asked)),
};

/** The same variables move the requests of Google's own tools. */
function base(): string {
  const moved = process.env["CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"];
  if (moved !== undefined && moved !== "") return moved.replace(/\/?$/, "/");
  const emulator = process.env["STORAGE_EMULATOR_HOST"];
  if (emulator === undefined || emulator === "") return "https://storage.googleapis.com/storage/v1/";
  return `${emulator.includes("://") ? emulator : `http://${emulator}`}/storage/v1/`;
}

interface Where {
  bucket: string;
  object: string;
  generation: string | undefined;
}

function whereOf(from: string): Where {
  const [, bucket = "", object = "", generation] = /^gs:\/\/([^/]+)\/(.*?)(?:#(\d+))?$/.exec(from) ?? [];
  return { bucket, object, generation };
}

function pin(asked: WeightsAsked): Pinned {
  const { from, sha256 } = asked;
  const { bucket, object, generation } = whereOf(from);
  const file = object.endsWith("/") ? undefined : lastPart(object);
  return {
    ...nameContent(asked, ["gs", bucket, object, generation ?? ""], file),
    from,
    open: async (signal) => {
      const token = await googleToken(signal);
      const headers: Record<string, string> =
        token === undefined ? {} : { authorization: `Bearer ${token.password.reveal()}` };
      if (file === undefined) return await below(asked, { bucket, prefix: object }, headers, signal);
      const url = urlOf(bucket, object, generation);
      const found: WeightsFile = { path: file, url, headers, ...(sha256 === undefined ? {} : { sha256 }) };
      const bytes = await look(found, signal);
      return [{ ...found, ...(bytes === undefined ? {} : { bytes }) }];
    },
  };
}

function urlOf(bucket: string, object: string, generation: string | undefined): string {
  const pinned = generation === undefined ? "" : `&generation=${generation}`;
  return `${base()}b/${bucket}/o/${encodeURIComponent(object)}?alt=media${pinned}`;
}

interface Page {
  items?: { name: string; size: string; generation: string }[];
  nextPageToken?: string;
}

async function below(
  { from, only }: WeightsAsked,
  { bucket, prefix }: { bucket: string; prefix: string },
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<WeightsFile[]> {
  const files: WeightsFile[] = [];
  for (let page: string | undefined = ""; page !== undefined;) {
    const query = new URLSearchParams({ prefix, fields: "items(name,size,generation),nextPageToken" });
    if (page !== "") query.set("pageToken", page);
    const answer = await askSource(`${base()}b/${bucket}/o?${query.toString()}`, headers, signal);
    const { items = [], nextPageToken } = (await answer.json()) as Page;
    for (const { name, size, generation } of items) {
      const path = name.slice(prefix.length);
      if (name.endsWith("/") || !isWanted(path, only)) continue;
      files.push({ path, bytes: Number(size), url: urlOf(bucket, name, generation), headers });
    }
    page = nextPageToken;
  }
  if (files.length === 0) throw noFiles(from);
  return files;
}
