import { type Described, type Evidence, fromApi, refusedHost } from "../../../core/evidence.ts";
import { describedBy } from "../../../core/openapi.ts";
import { exchange } from "../../../probes/http.ts";
import { joinPath } from "../../../base/url.ts";
import type { Traced } from "./target.ts";

/** A description that is longer than this is none that we read. */
const LONGEST = 4_000_000;

/**
 * Without a golden request the API is asked what it predicts, and one prediction is tried, the way clients go. Undefined
 * where the request itself says more, or the API was not reached.
 */
export async function askDescribed(
  target: Traced,
  found: Evidence,
  signal: AbortSignal,
): Promise<Described | undefined> {
  const { facts, asked } = target;
  const reached = found.answer?.outcome === "answered" && fromApi(found) && (found.answer.status ?? 500) < 500;
  if (facts.asks !== "look" || !reached || refusedHost(found) !== undefined) return undefined;
  const service = new URL(facts.prefix ?? "/", facts.url).href;
  const result = await describedBy((path) =>
    exchange({ ...asked, url: joinPath(service, path), keep: LONGEST }, signal),
  );
  if ("none" in result) return result;
  const { method, path, from } = result.prediction;
  const body = JSON.stringify(result.prediction.body);
  const headers = {
    ...asked.headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
  };
  const answer = await exchange({ ...asked, method, headers, body, url: joinPath(service, path) }, signal);
  return { tried: { method, path, from, exchange: answer } };
}
