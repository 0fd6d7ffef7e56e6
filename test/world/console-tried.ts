// What is kept of made-up requests, and what they are answered when they are tried.
import type { TryWanted } from "../../packages/console/src/verbs.ts";
import type { Called } from "../../packages/dray/src/core/call.ts";
import type { KeptRequest } from "../../packages/dray/src/core/kept-request.ts";
import type { Drifted } from "../../packages/dray/src/core/drift.ts";
import type { Offered } from "../../packages/dray/src/core/offered.ts";
import type { ShadowFound } from "../../packages/dray/src/contract/answers.ts";
import { agoOf, RELEASES } from "./console-made.ts";

const BODY = { income: 4200, amount: 12_000, purpose: "car" };

/** The golden request of a made-up service. */
export const OFFERED: Offered = {
  base: "https://decisions.example.test/",
  request: { method: "POST", path: "/decisions", body: BODY },
  golden: {
    request: { method: "POST", path: "/decisions", body: BODY },
    expect: { status: 200, tolerance: 1e-6, body: { score: 0.91 } },
  },
};

/** A picture of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** The answer of a release: a picture where one is asked for, else a score that says which release it is. */
export function calledOf({ method, path }: TryWanted, release: string = RELEASES[2]): Called {
  const isPicture = path.startsWith("/picture");
  return {
    url: `https://decisions.example.test${path}`,
    method,
    status: 200,
    release,
    headers: { "content-type": isPicture ? "image/png" : "application/json" },
    body: isPicture ? "?" : JSON.stringify({ score: release === RELEASES[2] ? 0.91 : 0.62 }),
    ...(isPicture ? { base64: PIXEL } : {}),
    bytes: 14,
    wrong: [],
    timing: { dnsMs: 0.4, connectMs: 1.1, queueMs: 1, modelMs: 17, firstByteMs: 19, totalMs: 21 },
  };
}

/** Requests of the last hour, the oldest first. */
export function keptOf(): KeptRequest[] {
  return Array.from({ length: 60 }, (_each, index) => ({
    at: agoOf(1 - index / 60),
    id: `5f3c8a52-${1000 + index}`,
    release: RELEASES[2],
    method: "POST",
    path: "/decisions",
    status: 200,
    ms: 12 + (index % 9),
    request: { ...BODY, amount: 12_000 + index },
    answer: { score: 0.91 },
  }));
}

/** Of three features, one has moved far. */
export function driftedOf(machine: string): Drifted {
  const field = (name: string, psi: number, verdict: "stable" | "moved" | "drifted") => ({
    field: name,
    kind: "number" as const,
    psi,
    verdict,
    baseline: 5000,
    window: 812,
  });
  const fields = [field("amount", 0.41, "drifted"), field("income", 0.12, "moved"), field("score", 0.02, "stable")];
  return { machine, baseline: "train.csv", requests: 812, fields };
}

/** A shadow that answers otherwise in one field. */
export function shadowedOf(machine: string): ShadowFound {
  const side = { count: 410, failed: 0, p50Ms: 11, p95Ms: 20, p99Ms: 31 };
  const example = { live: "0.91", shadow: "0.87" };
  return {
    machine,
    running: true,
    report: {
      v: 1,
      service: "decisions",
      release: RELEASES[1],
      share: 20,
      since: agoOf(2),
      until: agoOf(0),
      copied: 412,
      dropped: 2,
      compared: 410,
      agreed: 389,
      agreement: 0.949,
      live: side,
      shadow: { ...side, p95Ms: 24 },
      differences: [{ at: "score", count: 21, meanBy: 0.02, maxBy: 0.04, example }],
    },
  };
}
