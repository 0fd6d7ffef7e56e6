import type { Difference, ShadowReport, ShadowSide } from "drayage-record";
import type { Copy } from "./copy.ts";
import { compareBodies, type Mismatch } from "./compare.ts";

/** Enough for percentiles of the last hours; older ones make room. */
const MOST_TIMES = 20_000;
const MOST_FIELDS = 20;

interface Side {
  count: number;
  failed: number;
  times: number[];
}

interface Field {
  count: number;
  numbers: number;
  sumBy: number;
  maxBy: number;
  example: Difference["example"];
}

/** Counts what two releases answered to the same requests. */
export class Tally {
  readonly #service: string;
  readonly #release: string;
  readonly #share: number;
  readonly #since = new Date().toISOString();
  readonly #live: Side = { count: 0, failed: 0, times: [] };
  readonly #shadow: Side = { count: 0, failed: 0, times: [] };
  readonly #fields = new Map<string, Field>();
  copied = 0;
  dropped = 0;
  #compared = 0;
  #agreed = 0;

  constructor(service: string, release: string, share: number) {
    this.#service = service;
    this.#release = release;
    this.#share = share;
  }

  /** Takes both answers to one request; undefined: the release under test gave none. */
  add(live: Copy["answer"], shadow: Copy["answer"] | undefined, tolerance: number): void {
    note(this.#live, live.status < 500, live.ms);
    note(this.#shadow, shadow !== undefined && shadow.status < 500, shadow?.ms ?? 0);
    this.#compared++;
    const wrong = compareAnswers(live, shadow, tolerance);
    if (wrong.length === 0) this.#agreed++;
    // A field counts once for a request, however many items of a list differ.
    const seen = new Set<string>();
    for (const each of wrong) {
      if (!seen.has(each.at) || each.by !== undefined) this.#count(each, !seen.has(each.at));
      seen.add(each.at);
    }
  }

  #count({ at, by, live, shadow }: Mismatch, first: boolean): void {
    const known = this.#fields.get(at);
    if (known === undefined && this.#fields.size >= MOST_FIELDS) return;
    const field = known ?? { count: 0, numbers: 0, sumBy: 0, maxBy: 0, example: { live, shadow } };
    if (first) field.count++;
    if (by !== undefined) {
      field.numbers++;
      field.sumBy += by;
      field.maxBy = Math.max(field.maxBy, by);
    }
    this.#fields.set(at, field);
  }

  report(): ShadowReport {
    return {
      v: 1,
      service: this.#service,
      release: this.#release,
      share: this.#share,
      since: this.#since,
      until: new Date().toISOString(),
      copied: this.copied,
      dropped: this.dropped,
      compared: this.#compared,
      agreed: this.#agreed,
      agreement: this.#compared === 0 ? 1 : this.#agreed / this.#compared,
      live: numbersOf(this.#live),
      shadow: numbersOf(this.#shadow),
      differences: [...this.#fields]
        .map(([at, { count, numbers, sumBy, maxBy, example }]) => ({
          at,
          count,
          ...(numbers === 0 ? {} : { meanBy: sumBy / numbers, maxBy }),
          example,
        }))
        .toSorted((a, b) => b.count - a.count),
    };
  }
}

function compareAnswers(live: Copy["answer"], shadow: Copy["answer"] | undefined, tolerance: number): Mismatch[] {
  if (shadow === undefined) return [{ at: "answer", live: String(live.status), shadow: "none" }];
  if (live.status !== shadow.status)
    return [{ at: "status", live: String(live.status), shadow: String(shadow.status) }];
  return compareBodies(String(live.body), String(shadow.body), tolerance);
}

function note(side: Side, ok: boolean, ms: number): void {
  side.count++;
  if (!ok) {
    side.failed++;
    return;
  }
  if (side.times.length >= MOST_TIMES) side.times[side.count % MOST_TIMES] = ms;
  else side.times.push(ms);
}

function numbersOf({ count, failed, times }: Side): ShadowSide {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0) * 10) / 10;
  return { count, failed, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
