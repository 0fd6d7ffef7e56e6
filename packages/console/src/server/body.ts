import type { IncomingMessage } from "node:http";
import { MAX_BODY } from "./door.ts";

/** The JSON of a call's body; undefined where it is none, or more than a call may have. */
export async function readJson(request: IncomingMessage): Promise<{ json: unknown } | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_BODY) return undefined;
    parts.push(part);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
    return { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}
