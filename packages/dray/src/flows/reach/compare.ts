import type { Golden } from "../../core/golden.ts";
import { asFailure } from "../../base/failure.ts";
import type { AnyTarget, VerbSession } from "../../contract/target.ts";
import { alike, type ComparedRow } from "../../core/compare.ts";
import { WAY_NAMES, type Way, WAYS } from "../../core/compare-facts.ts";
import { percentile } from "../../core/judge.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Scope } from "../fleet/places.ts";
import { callOptions, reachService } from "./request.ts";

interface Seen {
  ms: number[];
  modelMs: number[];
  failed: number;
  url: string;
  /** Status of a request without key or token. */
  stranger: number;
}

/** What was measured: rows for the table, and how long the model took, where the edge said it. */
export interface Measured {
  rows: ComparedRow[];
  ms?: number;
}

/** Calls what is deployed now, on every target; where nothing is, the reason stands in the cell. */
export async function measure(scope: Scope, count: number, session: VerbSession): Promise<Measured> {
  const found = new Map<Way, Seen | string>();
  const modelMs: number[] = [];
  for (const target of Object.values(session.targets)) {
    const seen = await measureShown(scope, target, count, session);
    found.set(target.way, seen);
    if (typeof seen === "object") modelMs.push(...seen.modelMs);
  }
  const asOf = new Date().toISOString();
  const row = (what: string, cell: (seen: Seen) => string): ComparedRow => ({
    what,
    cells: cellsOf(found, cell),
    known: alike({ source: "measured", asOf, checked: true }),
  });
  return {
    ...(modelMs.length === 0 ? {} : { ms: Math.max(1, percentile(modelMs, 0.5)) }),
    rows: [
      row(
        `p50 and p95 from here, of ${count} requests`,
        ({ ms, failed }) =>
          `${percentile(ms, 0.5).toFixed(1)} and ${percentile(ms, 0.95).toFixed(1)} ms, ${failed} failed`,
      ),
      row("without a key or token", ({ stranger }) =>
        stranger < 400 ? `${stranger}: open to everybody` : `${stranger}: refused`,
      ),
      row("encrypted", ({ url }) => (url.startsWith("https:") ? "yes" : "no")),
    ],
  };
}

function cellsOf(found: ReadonlyMap<Way, Seen | string>, cell: (seen: Seen) => string): Record<Way, string> {
  const of = (way: Way): string => {
    const seen = found.get(way);
    return seen === undefined ? "" : typeof seen === "string" ? `not measured: ${seen}` : cell(seen);
  };
  return Object.fromEntries(WAYS.map((way) => [way, of(way)])) as Record<Way, string>;
}

async function measureShown(
  scope: Scope,
  { kind, way }: AnyTarget,
  count: number,
  session: VerbSession,
): Promise<Seen | string> {
  const step = { step: `measure-${way}`, on: "here", title: `call ${WAY_NAMES[way]}` };
  const startedAt = performance.now();
  session.emit({ type: "step.started", ...step });
  const there = { ...scope, manifest: { ...scope.manifest, target: kind } };
  const seen = await measureOne(there, count, session).catch((error: unknown) => {
    session.signal.throwIfAborted();
    return asFailure(error).message;
  });
  session.emit({ type: "step.done", ...step, ms: Math.round(performance.now() - startedAt) });
  return seen;
}

async function measureOne(scope: Scope, count: number, session: VerbSession): Promise<Seen> {
  const { manifest } = scope;
  const reached = await reachService(scope, session);
  const golden = await goldenFor(reached.base, manifest);
  const sample = golden === undefined ? {} : { request: golden.request, golden };
  const options = await callOptions({ reached, manifest }, {}, sample, session.signal);
  const seen: Seen = { ms: [], modelMs: [], failed: 0, url: reached.url, stranger: 0 };
  for (let index = 0; index < count; index++) {
    const called = await reached.call(options);
    seen.ms.push(called.timing.totalMs);
    if (called.timing.modelMs !== undefined) seen.modelMs.push(called.timing.modelMs);
    if (called.status >= 400 || called.wrong.length > 0) seen.failed++;
  }
  seen.stranger = (await reached.call({ ...options, as: "stranger" })).status;
  return seen;
}

/** What a node is, on the first target that is priced by nodes; empty where none is. */
export function nodeTypeOf(manifest: Manifest, { targets }: VerbSession): string {
  const [type = ""] = Object.values(targets).flatMap((target) => target.nodeType?.(manifest) ?? []);
  return type;
}

async function goldenFor(base: string | undefined, manifest: Manifest): Promise<Golden | undefined> {
  const all = await loadGolden(manifest);
  return base === undefined ? all.find(({ request }) => request.method === "POST") : all[0];
}
