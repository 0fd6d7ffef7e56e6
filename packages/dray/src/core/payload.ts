import type { Json } from "./json.ts";

/** A body as it travels. */
export interface Payload {
  /** Its content type. */
  type: string;
  bytes: Uint8Array;
}

/** A field of a form: its value, or a file. */
export type Field = string | { file: string; type?: string };

/** What a request carries, in one of four ways: JSON, text, a file, or the fields of a form (multipart/form-data). */
export interface CarriedRequest {
  body?: Json;
  text?: string;
  /** Relative to the file that says it. */
  file?: string;
  form?: Record<string, Field>;
  /** Of a file or a form, once it was read. */
  payload?: Payload;
}

/** A request's body as it travels; undefined: it has none. */
export function payloadOf({ body, text, payload }: CarriedRequest): Payload | undefined {
  if (payload !== undefined) return payload;
  if (text !== undefined) return { type: "text/plain; charset=utf-8", bytes: new TextEncoder().encode(text) };
  return body === undefined ? undefined : payloadOfJson(JSON.stringify(body));
}

/** Text that is JSON, as it travels. */
export function payloadOfJson(text: string): Payload {
  return { type: "application/json", bytes: new TextEncoder().encode(text) };
}

/** The headers that say what a body is; none where there is no body. */
export function payloadHeaders(payload: Payload | undefined): Record<string, string> {
  return payload === undefined
    ? {}
    : { "content-type": payload.type, "content-length": String(payload.bytes.byteLength) };
}

/** The request as a file says it: without what was read for it. */
export function writtenPayload<T extends CarriedRequest>({ payload: _read, ...rest }: T): Omit<T, "payload"> {
  return rest;
}

/** A content type without its parameters, in lower-case letters. */
export function mediaType(said: string): string {
  return (said.split(";")[0] ?? "").trim().toLowerCase();
}

/** Does text hold what no text has: it was bytes of something else? */
export function hasControls(text: string): boolean {
  // \p{Cc} has line breaks and tabs in it, which text may have.
  return /(?![\t\n\f\r])\p{Cc}|\ufffd/u.test(text);
}

/** Is it for people to read? */
export function isText(type: string): boolean {
  return /^text\/|[/+](json|xml|yaml|x-ndjson|jsonl|javascript)$/.test(mediaType(type));
}
