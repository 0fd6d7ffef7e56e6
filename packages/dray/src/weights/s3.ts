import { within } from "drayage-clock";
import type { WeightsFile } from "../core/weights.ts";
import { look } from "./ask.ts";
import { askSource, noFiles } from "./ask-json.ts";
import { type AwsKey, awsKey, awsRegion, encodeAws, presign } from "./aws.ts";
import { isWanted, lastPart, nameContent, type Pinned, type WeightsAsked, type WeightsSource } from "./source.ts";

/** An object of a bucket, or all below a folder of it: Amazon's, or a store that speaks the same. */
export const s3: WeightsSource = {
  schemes: ["s3"],
  pin: async (asked) => await Promise.resolve(pin(asked)),
};

/** Longer than a fetch takes, as a rule; one that lasts longer is signed anew. */
const SIGNED_S = 12 * 3600;
const LOOK_MS = 10_000;

interface Where {
  bucket: string;
  key: string;
  version: string | undefined;
}

function whereOf(from: string): Where {
  const [, bucket = "", key = "", version] = /^s3:\/\/([^/]+)\/(.*?)(?:\?versionId=([^&]+))?$/.exec(from) ?? [];
  return { bucket, key, version };
}

function pin(asked: WeightsAsked): Pinned {
  const { from, sha256 } = asked;
  const { bucket, key, version } = whereOf(from);
  const file = key.endsWith("/") ? undefined : lastPart(key);
  return {
    ...nameContent(asked, ["s3", bucket, key, version ?? ""], file),
    from,
    open: async (signal) => {
      const store = await storeOf(bucket, signal);
      if (file === undefined) return await below(asked, store, key, signal);
      const query = version === undefined ? {} : { versionId: version };
      const found: WeightsFile = {
        path: file,
        url: store.urlOf(key, query),
        ...(sha256 === undefined ? {} : { sha256 }),
      };
      const bytes = await look(found, signal);
      return [{ ...found, ...(bytes === undefined ? {} : { bytes }) }];
    },
  };
}

/** A bucket, and how one gets at what is in it. */
interface Store {
  urlOf(key: string, query: Record<string, string>): string;
}

async function storeOf(bucket: string, signal: AbortSignal): Promise<Store> {
  const key = await awsKey(signal);
  const moved = process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const region = moved === undefined ? await regionOf(bucket, signal) : await awsRegion();
  // A name with a dot is none that the certificate is for.
  const apart = moved === undefined && !bucket.includes(".");
  const base = apart
    ? `https://${bucket}.s3.${region}.amazonaws.com/`
    : `${(moved ?? `https://s3.${region}.amazonaws.com`).replace(/\/$/, "")}/${bucket}/`;
  return { urlOf: (at, query) => signed(new URL(base + at.split("/").map(encodeAws).join("/")), query, key, region) };
}

function signed(url: URL, query: Record<string, string>, key: AwsKey | undefined, region: string): string {
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return key === undefined ? url.href : presign(url, key, { region, at: new Date(), seconds: SIGNED_S });
}

/** A bucket says its region to everybody, also with a refusal. */
async function regionOf(bucket: string, signal: AbortSignal): Promise<string> {
  const found = await within(LOOK_MS, signal, async (limit) => {
    const answer = await fetch(`https://s3.amazonaws.com/${bucket}`, {
      method: "HEAD",
      redirect: "manual",
      signal: limit,
    });
    return answer.headers.get("x-amz-bucket-region") ?? undefined;
  }).catch(() => undefined);
  signal.throwIfAborted();
  return found ?? (await awsRegion());
}

/** All objects below a folder (ListObjectsV2); keys come encoded, so that no key breaks the XML. */
async function below(asked: WeightsAsked, store: Store, prefix: string, signal: AbortSignal): Promise<WeightsFile[]> {
  const files: WeightsFile[] = [];
  for (let token: string | undefined = ""; token !== undefined;) {
    const more: Record<string, string> = token === "" ? {} : { "continuation-token": token };
    const url = store.urlOf("", { "list-type": "2", prefix, "encoding-type": "url", ...more });
    const xml = await (await askSource(url, {}, signal)).text();
    for (const [, entry = ""] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const key = decodeURIComponent((textOf(entry, "Key") ?? "").replaceAll("+", " "));
      const path = key.slice(prefix.length);
      if (key.endsWith("/") || !isWanted(path, asked.only)) continue;
      files.push({ path, bytes: Number(textOf(entry, "Size")), url: store.urlOf(key, {}) });
    }
    token = textOf(xml, "NextContinuationToken");
  }
  if (files.length === 0) throw noFiles(asked.from);
  return files;
}

function textOf(xml: string, tag: string): string | undefined {
  const found = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(xml)?.[1];
  return found?.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}
