import type { Called } from "../../core/call.ts";
import { hasControls, isText, mediaType } from "../../core/payload.ts";

/** An answer's body for people: a picture would do a terminal no good, and a page is for a browser. */
export function bodyText(
  { body, bytes, sha256, headers }: Pick<Called, "body" | "bytes" | "sha256" | "headers">,
  whole: boolean,
): string {
  const type = headers["content-type"] ?? "";
  if (whole || bytes === undefined) return body;
  if (mediaType(type) === "text/html") return `${type}${titleOf(body)}, ${bytes} bytes; --body prints it`;
  if (isText(type) || !hasControls(body)) return body;
  return `${bytes} bytes of ${type === "" ? "no content type" : type}, SHA-256 ${sha256}`;
}

const LONGEST = 80;

function titleOf(page: string): string {
  const title = /<title[^>]*>([^<]*)/i.exec(page)?.[1]?.replaceAll(/\s+/g, " ").trim() ?? "";
  return title === "" ? "" : ` "${title.slice(0, LONGEST)}"`;
}
