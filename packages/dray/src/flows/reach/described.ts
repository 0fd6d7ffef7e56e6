import type { Called, CallOptions } from "../../core/call.ts";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import { type Answer, type Golden, withAnswer } from "../../core/golden.ts";
import { describedBy, type Prediction } from "../../core/openapi.ts";
import { payloadHeaders, payloadOfJson } from "../../core/payload.ts";
import { call } from "../../probes/call.ts";

const TOLERANCE = 1e-6;

/**
 * The prediction that a running API's own OpenAPI names, or why there is none to try. `base` is where the service is
 * called; `how` has the headers and the patience. @throws Failure request.failed
 */
export async function askPrediction(
  base: string,
  how: CallOptions,
  context: Context,
): Promise<{ prediction: Prediction } | { none: string }> {
  const { headers, timeoutMs, servername } = how;
  const named = servername === undefined ? {} : { servername };
  return await describedBy((path) => call(base, { method: "GET", path, headers, timeoutMs, ...named }, context));
}

/** What was answered, as a golden request remembers it: without a type or a digest that the answer had not. */
function remembered({ status, body, headers, sha256, timing }: Called): Answer {
  const type = headers["content-type"] ?? "";
  return {
    status,
    body,
    ms: timing.totalMs,
    ...(type === "" ? {} : { type }),
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

/** Asks once and writes down what was answered. @throws Failure request.failed, where the API refuses or fails */
export async function recordAnswer(
  base: string,
  golden: { request: Golden["request"]; expect?: Golden["expect"] },
  options: CallOptions,
  context: Context,
): Promise<Golden> {
  const called = await call(base, options, context);
  if (called.status >= 400) {
    throw new Failure(
      "request.failed",
      `${called.method} ${options.path} said ${called.status}: ${called.body.slice(0, 200)}`,
      { hint: "an answer that refuses is no example of how it should be; nothing was written" },
    );
  }
  const { request, expect = { status: 200, tolerance: TOLERANCE } } = golden;
  return { request, expect: withAnswer(expect, remembered(called)) };
}

const PATIENCE_MS = 10_000;

/** A golden request of a running API: the prediction that its own OpenAPI names, and its answer. @throws Failure usage.invalid, request.failed */
export async function goldenFrom(url: string, context: Context): Promise<Golden> {
  const how = { method: "GET", path: "/", headers: {}, timeoutMs: PATIENCE_MS };
  const found = await askPrediction(url, how, context);
  if ("none" in found) {
    throw new Failure("usage.invalid", `${url} gives no golden request: ${found.none}`, {
      hint: "leave --url out; after the deploy: dray golden record --path /predict -d @body.json",
    });
  }
  const { method, path: at, body } = found.prediction;
  const sent = payloadOfJson(JSON.stringify(body));
  const headers = payloadHeaders(sent);
  const options = { ...how, method, path: at, headers, body: sent };
  return await recordAnswer(url, { request: { method, path: at, body } }, options, context);
}
