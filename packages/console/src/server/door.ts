import type { IncomingMessage } from "node:http";

/** What comes in, before anything of it is believed. */
export interface Knock {
  method: string;
  /** The request's target, as it was sent. */
  target: string;
  version: string;
  /** Names and values in turn, as they were sent. */
  rawHeaders: readonly string[];
}

/** A request that is not served: its status, and why in one sentence. */
export interface Refusal {
  status: number;
  code: string;
  message: string;
  allow?: string;
}

/** Header fields of which a second one is a trick: two programs could read two different requests. */
const ONCE = new Set([
  "host",
  "origin",
  "authorization",
  "content-type",
  "content-length",
  "transfer-encoding",
  "sec-fetch-site",
  "sec-fetch-mode",
  "sec-fetch-dest",
]);
/** How a page gets its parts, and how a person opens it; frames, workers and plug-ins are none of these. */
const DESTINATIONS = new Set(["", "empty", "document", "script", "style", "image"]);
const TARGET = /^\/[\w./-]*$/;
const MAX_TARGET = 200;

/** The knock of a request. */
export function knockOf({ method = "", url = "", httpVersion, rawHeaders }: IncomingMessage): Knock {
  return { method, target: url, version: httpVersion, rawHeaders };
}

/** A request's header fields by lower-case name, or the name of one that is there twice. */
function fieldsOf(rawHeaders: readonly string[]): { fields: Map<string, string>; twice?: string } {
  const fields = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    if (fields.has(name) && ONCE.has(name)) return { fields, twice: name };
    fields.set(name, rawHeaders[index + 1] ?? "");
  }
  return { fields };
}

const refused = (status: number, code: string, message: string, more: { allow?: string } = {}): Refusal => ({
  status,
  code,
  message,
  ...more,
});

/**
 * Whether a request may come in at all, asked before anything else of it is looked at: of static files, too. The name it
 * was sent to and the page that sent it have to be this very server's; `port` is the server's own.
 */
export function refusalAt(knock: Knock, port: number): Refusal | undefined {
  const { fields, twice } = fieldsOf(knock.rawHeaders);
  const host = fields.get("host") ?? "";
  if (twice !== undefined) return refused(400, "door.twice", `the header ${twice} is there twice`);
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`)
    return refused(421, "door.host", "this server answers under its own address alone");
  return refusalOfOrigin(knock, fields, host) ?? refusalOfShape(knock, fields);
}

/** A person may come to the page from anywhere, also by a link: without a token the page shows nothing. */
function isVisit({ method, target }: Knock, fields: ReadonlyMap<string, string>): boolean {
  const isDocument = fields.get("sec-fetch-mode") === "navigate" && fields.get("sec-fetch-dest") === "document";
  return method === "GET" && target === "/" && isDocument;
}

function refusalOfOrigin(knock: Knock, fields: ReadonlyMap<string, string>, host: string): Refusal | undefined {
  const origin = fields.get("origin");
  if (origin !== undefined && origin !== `http://${host}`)
    return refused(403, "door.origin", "another page sent this request");
  const site = fields.get("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isVisit(knock, fields))
    return refused(403, "door.site", "another page sent this request");
  if (!DESTINATIONS.has(fields.get("sec-fetch-dest") ?? ""))
    return refused(403, "door.destination", "the console is no part of another page");
  return undefined;
}

function refusalOfShape({ method, target, version }: Knock, fields: ReadonlyMap<string, string>): Refusal | undefined {
  if (version !== "1.1") return refused(505, "door.version", "only HTTP/1.1 is spoken here");
  if (fields.has("upgrade")) return refused(403, "door.upgrade", "there is no other protocol here");
  if (target.length > MAX_TARGET || !TARGET.test(target) || target.includes("..") || target.includes("//"))
    return refused(404, "door.path", "there is no such path");
  const isCall = target.startsWith("/api/");
  const allowed = isCall ? ["POST"] : ["GET", "HEAD"];
  if (!allowed.includes(method))
    return refused(405, "door.method", `there is no ${isCall ? "other method than POST" : "way to write"} here`, {
      allow: allowed.join(", "),
    });
  return isCall ? refusalOfCall(fields) : undefined;
}

/** Largest body of a call. */
export const MAX_BODY = 16_384;

/** A call says that it is one: no form and no plain link can. A page always names itself when it sends a POST. */
function refusalOfCall(fields: ReadonlyMap<string, string>): Refusal | undefined {
  if (!fields.has("origin")) return refused(403, "door.origin", "a call names the page that sends it");
  if (!/^application\/json(; ?charset=utf-8)?$/i.test(fields.get("content-type") ?? ""))
    return refused(415, "door.type", "a call is application/json");
  if (fields.has("content-encoding")) return refused(415, "door.encoding", "a call is not compressed");
  const length = fields.get("content-length");
  if (length === undefined || fields.has("transfer-encoding"))
    return refused(411, "door.length", "a call says how long it is");
  if (!/^\d{1,6}$/.test(length) || Number(length) > MAX_BODY)
    return refused(413, "door.large", `a call has at most ${MAX_BODY} bytes`);
  return undefined;
}
