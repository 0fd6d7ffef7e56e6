import { Failure } from "../../base/failure.ts";
import type { Reached } from "../../contract/reached.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Called, CallOptions } from "../../core/call.ts";
import type { Golden } from "../../core/golden.ts";
import { type CarriedRequest, type Payload, payloadHeaders, payloadOf } from "../../core/payload.ts";
import type { Offered, Sampled } from "../../core/offered.ts";
import { whose } from "../../core/openapi.ts";
import { loadGolden } from "../../manifest/golden.ts";
import { ownKey } from "../../manifest/keys.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { askPrediction } from "./described.ts";
import { abilityOf, type Scope, subjectOf, targetOf } from "../fleet/places.ts";

/** What somebody says of a request; the rest is the golden request's, or the API's own example's. */
export interface RequestSaid {
  method?: string;
  path?: string;
  /** What it carries, as a golden request would say it, and as it travels. */
  carried?: CarriedRequest;
  headers?: Record<string, string>;
}

/** The service as this computer reaches it: by its name, or at the place that was named. @throws Failure */
export async function reachService(scope: Scope, session: VerbSession): Promise<Reached> {
  const how = scope.only === undefined ? "by-name" : "there";
  return await targetOf(scope.manifest, session).reach(subjectOf(scope, session), how, session);
}

/** One release of the service, past the traffic, at the place that was named or the first. @throws Failure release.*, target.unsupported */
export async function reachOneRelease(scope: Scope, release: string, session: VerbSession): Promise<Reached> {
  return await abilityOf("releases", scope.manifest, session).reach(subjectOf(scope, session), release, session);
}

/** What a form to try the service begins with: the golden request, else the example of its own OpenAPI. @throws Failure */
export async function offeredRequest(scope: Scope, session: VerbSession): Promise<Offered> {
  const reached = await reachService(scope, session);
  const sample = await sampleOf(reached, scope.manifest, {}, session);
  return { ...sample, ...(reached.base === undefined ? {} : { base: reached.base }) };
}

/**
 * Sends what was said, to where clients call or to one release, as `dray request` does. An answer to a golden request is
 * compared with the one that is expected. @throws Failure request.failed, release.*
 */
export async function sendRequest(
  scope: Scope,
  said: RequestSaid,
  session: VerbSession,
  release?: string,
): Promise<Called> {
  const { manifest } = scope;
  const reached =
    release === undefined ? await reachService(scope, session) : await reachOneRelease(scope, release, session);
  const all = await loadGolden(manifest);
  const golden = all.find(({ request }) => isSame(request, said));
  const sample = golden === undefined ? {} : { request: golden.request, golden };
  const options = await callOptions({ reached, manifest }, said, sample, session.signal);
  return await reached.call({ ...options, bytes: "kept" });
}

function isSame(golden: Golden["request"], { method, path, carried }: RequestSaid): boolean {
  return (
    golden.method === method && golden.path === path && JSON.stringify(golden.body) === JSON.stringify(carried?.body)
  );
}

/** The URL below which every path of the API lies. @throws Failure target.unsupported */
export function baseUrl({ base }: Reached, { target, service }: Manifest): string {
  if (base !== undefined) return base;
  throw new Failure("target.unsupported", `${target} leads requests to one route of ${service}, and to no other path`, {
    hint: "dray request sends one there",
  });
}

/** The golden request; without one, the prediction that the API's own OpenAPI names. */
export async function sampleOf(
  reached: Reached,
  manifest: Manifest,
  said: RequestSaid,
  session: VerbSession,
): Promise<Sampled> {
  const all = await loadGolden(manifest);
  const { base } = reached;
  const golden = base === undefined ? all.find(({ request }) => request.method === "POST") : all[0];
  if (golden !== undefined) return { request: golden.request, golden };
  // A method that somebody named is for no request of ours; and where there is one route only nobody can be asked.
  if (said.method !== undefined || base === undefined) return {};
  const tell = (text: string): void => session.emit({ type: "line", on: manifest.service, text });
  const how = await callOptions({ reached, manifest }, {}, {}, session.signal);
  const found = await askPrediction(base, how, session);
  if ("none" in found) {
    tell(`no golden request, and ${found.none}: this asks for / only`);
    return found;
  }
  const { method, path, body } = found.prediction;
  tell(`no golden request: this is ${whose(found.prediction)}; dray golden record keeps it`);
  return { request: { method, path, body } };
}

/** What was said, on top of the request that there is without. */
export async function callOptions(
  { reached, manifest }: { reached: Reached; manifest: Manifest },
  said: RequestSaid,
  { request, golden }: Sampled,
  signal: AbortSignal,
): Promise<CallOptions> {
  const body = payloadOf(said.carried ?? request ?? {});
  // A target that leads to one route only logs in by itself, and says itself whom it asks.
  const usual = reached.base === undefined ? {} : await usualHeaders(manifest, body, signal);
  return {
    method: said.method ?? request?.method ?? (body === undefined ? "GET" : "POST"),
    path: said.path ?? request?.path ?? "/",
    headers: { ...usual, ...request?.headers, ...said.headers },
    ...(body === undefined ? {} : { body }),
    timeoutMs: manifest.limits.timeout,
    ...(manifest.domain === undefined ? {} : { servername: manifest.domain }),
    ...(golden === undefined ? {} : { golden }),
  };
}

async function usualHeaders(
  manifest: Manifest,
  body: Payload | undefined,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const named = manifest.domain ?? manifest.host;
  return {
    ...payloadHeaders(body),
    ...(named === undefined ? {} : { host: named }),
    ...(await ownKey(manifest, signal)),
  };
}
