/** How far one field's values have moved from what they were. */
export interface Drift {
  field: string;
  kind: "number" | "category";
  /** Population stability index. */
  psi: number;
  verdict: "stable" | "moved" | "drifted";
  baseline: number;
  window: number;
}

/** What drift was found at one place. */
export interface Drifted {
  machine: string;
  /** Where the baseline is from. */
  baseline: string;
  requests: number;
  fields: Drift[];
}

/** The thresholds that credit scoring has used for decades (Siddiqi, Credit Risk Scorecards): 0.1 and 0.25. */
const MOVED = 0.1;
const DRIFTED = 0.25;
const BINS = 10;
/** An empty bin would make the index infinite. */
const LEAST = 1e-4;
/** Fewer values say nothing about a distribution. */
export const ENOUGH = 30;

/** Flattens a request's or an answer's fields: `applicant.income`; items of a list count as values of one field. */
export function flatten(value: unknown, at: string = ""): [string, number | string][] {
  if (Array.isArray(value)) return value.flatMap((each) => flatten(each, at));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, each]) => flatten(each, at === "" ? key : `${at}.${key}`));
  if (typeof value === "number") return [[at, value]];
  return typeof value === "string" || typeof value === "boolean" ? [[at, String(value)]] : [];
}

/** Compares every field that both have enough of; the most moved first. */
export function driftOf(
  baseline: ReadonlyMap<string, (number | string)[]>,
  window: ReadonlyMap<string, (number | string)[]>,
): Drift[] {
  const fields = [...baseline.keys()].filter((field) => (window.get(field)?.length ?? 0) >= ENOUGH);
  return fields
    .filter((field) => (baseline.get(field)?.length ?? 0) >= ENOUGH)
    .map((field): Drift => {
      const [before, now] = [baseline.get(field) ?? [], window.get(field) ?? []];
      const numbers = [...before, ...now].every((value) => typeof value === "number");
      const value = numbers ? psiOfNumbers(before as number[], now as number[]) : psiOfCategories(before, now);
      return {
        field,
        kind: numbers ? "number" : "category",
        psi: Math.round(value * 1000) / 1000,
        verdict: value >= DRIFTED ? "drifted" : value >= MOVED ? "moved" : "stable",
        baseline: before.length,
        window: now.length,
      };
    })
    .toSorted((a, b) => b.psi - a.psi);
}

/** Over the deciles of the baseline. */
function psiOfNumbers(before: readonly number[], now: readonly number[]): number {
  const sorted = before.toSorted((a, b) => a - b);
  const edges = Array.from(
    { length: BINS - 1 },
    (_, index) => sorted[Math.floor(((index + 1) * sorted.length) / BINS)] ?? 0,
  );
  const bin = (value: number): string => String(edges.filter((edge) => value >= edge).length);
  return psiOfCategories(before.map(bin), now.map(bin));
}

function psiOfCategories(before: readonly (number | string)[], now: readonly (number | string)[]): number {
  const share = (values: readonly (number | string)[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1 / values.length);
    return counts;
  };
  const [expected, actual] = [share(before), share(now)];
  return [...new Set([...expected.keys(), ...actual.keys()])].reduce((sum, key) => {
    const [e, a] = [Math.max(LEAST, expected.get(key) ?? 0), Math.max(LEAST, actual.get(key) ?? 0)];
    return sum + (a - e) * Math.log(a / e);
  }, 0);
}
