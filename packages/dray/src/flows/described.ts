import type { Called, CallOptions } from "../core/call.ts";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { type Answer, type Golden, withAnswer } from "../core/golden.ts";
import { describedBy, type Prediction } from "../core/openapi.ts";
import { call } from "../probes/call.ts";

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

function answerOf({ status, body, headers, sha256, timing }: Called): Answer {
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
  return { request, expect: withAnswer(expect, answerOf(called)) };
}
