import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { fixFor, Refused } from "../certificates/refused.ts";
import { add, type Histogram } from "../numbers/histogram.ts";
import type { Row } from "../numbers/numbers.ts";
import { wrongIn } from "./golden.ts";
import type { ReplicaEvent } from "../warden/events.ts";
import { type Seen, troubles } from "./rules.ts";
import type { AlertSettings } from "./settings.ts";

const settings: AlertSettings = {
  golden: [],
  errors: 0.05,
  p95Ms: 100,
  disk: 0.9,
  certificateDays: 7,
  ready: "/",
};
const now = Date.parse("2026-01-01T00:00:00Z");

function row(statuses: Record<string, number>, ms: number): Row {
  const total: Histogram = {};
  add(total, ms, 100);
  return { at: 0, service: "s", release: "r", statuses, left: 0, callers: {}, total, queue: {}, model: {} };
}

const well: Seen = {
  service: "s",
  rows: [row({ 200: 100, 429: 50 }, 20)],
  hour: [],
  guessing: false,
  replicas: 2,
  silent: [],
  wrong: [],
  events: [],
  certificates: { "a.example": { state: "valid", until: "2026-03-01T00:00:00Z", issuer: "CA" } },
  disk: 0.5,
  faults: [],
  nowMs: now,
};

const STORM_OF_AN_HOUR = { rows: [row({ 401: 80 }, 2)], hour: [row({ 401: 960 }, 2)] };

const event = (kind: ReplicaEvent["kind"], minutesAgo: number): ReplicaEvent => ({
  at: new Date(now - minutesAgo * 60_000).toISOString(),
  container: "a",
  kind,
});

test.each<[string, Partial<Seen>, string[]]>([
  ["a container that ends again and again", { events: [1, 2, 3].map((ago) => event("die", ago)) }, ["restart-loop"]],
  ["one that ended three times in an hour", { events: [1, 20, 40].map((ago) => event("die", ago)) }, []],
  ["out of memory", { events: [event("oom", 1), event("die", 1)] }, ["out-of-memory"]],
  ["hung, and restarted", { events: [event("restarted", 2)] }, ["hung"]],
  ["all is well", {}, []],
  ["one replica of two is silent", { silent: ["a"] }, ["replica-silent"]],
  ["both are", { silent: ["a", "b"] }, ["down"]],
  ["a golden answer is wrong", { wrong: ["POST /decisions: score is 0.1 instead of 0.9"] }, ["golden"]],
  ["one answer in ten fails", { rows: [row({ 200: 90, 500: 10 }, 20)] }, ["errors"]],
  ["one request in ten gets no answer at all", { rows: [row({ 200: 90, "-1": 10 }, 20)] }, ["errors"]],
  ["few answers say nothing", { rows: [row({ 500: 10 }, 20)] }, []],
  ["a storm of wrong keys", { rows: [row({ 200: 9, 401: 80 }, 2)], hour: [row({ 401: 100 }, 2)] }, ["wrong-keys"]],
  ["as many as usual", { rows: [row({ 200: 9, 401: 80 }, 2)], hour: [row({ 401: 480 }, 2)] }, []],
  ["a storm that has become usual", { ...STORM_OF_AN_HOUR, guessing: true }, ["wrong-keys"]],
  ["a few wrong keys", { rows: [row({ 401: 59 }, 2)], hour: [row({ 401: 59 }, 2)] }, []],
  ["a storm that is over", { rows: [row({ 401: 3 }, 2)], hour: [row({ 401: 900 }, 2)], guessing: true }, []],
  ["slow", { rows: [row({ 200: 100 }, 500)] }, ["slow"]],
  ["the disk is nearly full", { disk: 0.95 }, ["disk"]],
  [
    "a certificate that there is none of",
    { certificates: { a: { state: "failed", problem: { why: "w", fix: "f", nextAt: "" } } } },
    ["certificate"],
  ],
  [
    "one that ends soon, and is renewed",
    { certificates: { a: { state: "valid", until: "2026-01-03T00:00:00Z", issuer: "CA" } } },
    [],
  ],
  [
    "one that ends soon, and cannot be",
    {
      certificates: {
        a: { state: "valid", until: "2026-01-03T00:00:00Z", issuer: "CA", problem: { why: "w", fix: "f", nextAt: "" } },
      },
    },
    ["certificate"],
  ],
])("%s", (_name, differs, kinds) => {
  expect(troubles({ ...well, ...differs }, settings).map((each) => each.kind)).toEqual(kinds);
});

test.each([
  ["caa", "CAA record for api.example prevents issuance", /a CAA record of api\.example names another one/],
  ["rateLimited", "too many certificates already issued", /tried again when the CA allows/],
  ["dns", "DNS problem: NXDOMAIN looking up A", /make an A record: api\.example -> 203\.0\.113\.7/],
  ["connection", "Timeout during connect (likely firewall problem)", /open TCP 80 of 203\.0\.113\.7 to everybody/],
  ["unauthorized", "Invalid response from http://api.example/: 404", /leads to another server/],
])("a CA that says %s", (kind, said, fix) => {
  expect(fixFor("api.example", "203.0.113.7", new Refused(kind, said))).toMatch(fix);
});

test.each([
  ['{"score": 0.9}', '{"score": 0.9, "version": 2}', undefined],
  ['{"score": 0.9}', '{"score": 0.1}', "score is 0.1 instead of 0.9"],
  ['{"score": 0.9, "label": "a"}', '{"score": 0.9}', "label is missing instead of a"],
  [undefined, "anything", undefined],
])("golden %s, answered %s", (answer, got, wrong) => {
  const golden = {
    method: "POST",
    path: "/",
    status: 200,
    tolerance: 1e-6,
    ...(answer === undefined ? {} : { answer }),
  };
  expect(wrongIn(golden, { body: Buffer.from(got) })).toBe(wrong);
});

test.each([
  [{ type: "image/png" }, "image/png; q=1", undefined],
  [{ type: "image/png" }, "text/html", "the answer is text/html instead of image/png"],
  [{ text: "ok" }, "text/plain", undefined],
  [{ text: "no" }, "text/plain", "the body is another text"],
  [{ sha256: createHash("sha256").update("ok\n").digest("hex") }, "x/y", undefined],
  [{ sha256: "0".repeat(64) }, "x/y", "the body has another SHA-256"],
])("golden %o, answered with ok as %s", (expected, type, wrong) => {
  const golden = { method: "POST", path: "/", status: 200, tolerance: 0, ...expected };
  expect(wrongIn(golden, { body: Buffer.from("ok\n"), type })).toBe(wrong);
});
