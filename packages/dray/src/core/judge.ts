/** One answer to a request: did it go well, and how long the release took, in milliseconds. */
export interface Sample {
  ok: boolean;
  ms: number;
  /** The status, where the request was refused (4xx): whose fault that is, only a comparison can tell. */
  refused?: number;
}

/** When a new release is worse than the old one. */
export interface Rules {
  /** Share of failed answers that is allowed whatever the old release does (0.01: one of a hundred). */
  maxErrors: number;
  /** How many times the old release's p95 the new one's may be. */
  maxP95: number;
  /** Fewer answers than this say nothing about time. */
  minimum: number;
}

/** Numbers of one release in one window. */
export interface Numbers {
  count: number;
  failed: number;
  p50Ms: number;
  p95Ms: number;
}

export type TrialVerdict = { bad: false } | { bad: true; why: string };

/** Chance that what is seen is an accident, below which a release is called worse. Every second it is asked again. */
const ACCIDENT = 0.0005;
/** Differences smaller than this are the machine's noise, whatever the ratio. */
const FLOOR_MS = 5;

export function numbersOf(samples: readonly Sample[]): Numbers {
  const times = samples.filter((sample) => sample.ok).map((sample) => sample.ms);
  return {
    count: samples.length,
    failed: samples.length - times.length,
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
  };
}

/** Nearest rank; 0 of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/**
 * Are a new release's answers worse than the old one's of the same time? Both rules are one-sided exact binomial tests:
 *
 * - errors: as many failures would hardly happen if the true rate were what is allowed, or the old release's own, if
 *   that is higher;
 * - each refusal (404, 422, ...) the same way for itself: one that the old release hardly gave is not excused by another
 *   that it gave often;
 * - time (`whole` windows only): more answers than the 5 % that may are slower than `maxP95` times the old release's p95,
 *   and in both halves of the window, so that one hiccup of the machine condemns nobody.
 */
export function judge(fresh: readonly Sample[], old: readonly Sample[], rules: Rules, whole: boolean): TrialVerdict {
  const errors = errorsOf(fresh, old, rules);
  if (errors.rate > errors.allowed && errors.chance < ACCIDENT) {
    return {
      bad: true,
      why: `${percent(errors.rate)} of ${fresh.length} answers failed, of the old release's ${percent(errors.usual)}`,
    };
  }
  const refusal = newRefusal(fresh, old, rules);
  if (refusal !== undefined) return { bad: true, why: refusal };
  if (!whole || fresh.length < rules.minimum || old.length < rules.minimum) return { bad: false };
  const times = timesOf(fresh, old, rules);
  if (times.lasting && times.chance < ACCIDENT) {
    const [ours, theirs] = [numbersOf(fresh), numbersOf(old)];
    return {
      bad: true,
      why: `p95 is ${round(ours.p95Ms)} ms, the old release's ${round(theirs.p95Ms)} ms; ${rules.maxP95} times as much is allowed`,
    };
  }
  return { bad: false };
}

/** What a verdict rests on, in figures: for people to follow. */
export interface Arithmetic {
  /** Below this chance what is seen is called no accident. */
  bound: number;
  /** Shares of failed answers; `chance`: that as many fail where the true share is the allowed one. */
  errors: { rate: number; usual: number; allowed: number; chance: number };
  /** Once both have the `minimum` of answers: more than 5 % slower than `limitMs`, in both halves of the window, are too many. */
  times?: { limitMs: number; slow: number; lasting: boolean; chance: number };
  minimum: number;
}

/** The figures of both rules. */
export function arithmeticOf(fresh: readonly Sample[], old: readonly Sample[], rules: Rules): Arithmetic {
  const { minimum } = rules;
  const known = fresh.length >= minimum && old.length >= minimum;
  const errors = errorsOf(fresh, old, rules);
  return { bound: ACCIDENT, minimum, errors, ...(known ? { times: timesOf(fresh, old, rules) } : {}) };
}

function errorsOf(fresh: readonly Sample[], old: readonly Sample[], { maxErrors }: Rules): Arithmetic["errors"] {
  const usual = failed(old) / Math.max(1, old.length);
  const allowed = Math.max(maxErrors, usual);
  const rate = failed(fresh) / Math.max(1, fresh.length);
  return { rate, usual, allowed, chance: tail(fresh.length, failed(fresh), allowed) };
}

function timesOf(fresh: readonly Sample[], old: readonly Sample[], { maxP95 }: Rules): Arithmetic["times"] & object {
  const theirP95Ms = numbersOf(old).p95Ms;
  const limitMs = Math.max(theirP95Ms * maxP95, theirP95Ms + FLOOR_MS);
  const slow = (part: readonly Sample[]): number => part.filter((sample) => sample.ms > limitMs).length;
  const middle = Math.floor(fresh.length / 2);
  const halves = [fresh.slice(0, middle), fresh.slice(middle)];
  const lasting = halves.every((half) => slow(half) > half.length * 0.05);
  return { limitMs, slow: slow(fresh), lasting, chance: tail(fresh.length, slow(fresh), 0.05) };
}

/** A status with which the new release refuses what the old one answered. */
function newRefusal(fresh: readonly Sample[], old: readonly Sample[], rules: Rules): string | undefined {
  const theirs = refusals(old);
  for (const [status, count] of refusals(fresh)) {
    const before = theirs.get(status) ?? 0;
    const [rate, usual] = [count / fresh.length, before / Math.max(1, old.length)];
    const allowed = Math.max(rules.maxErrors, usual);
    if (rate <= allowed || tail(fresh.length, count, allowed) >= ACCIDENT) continue;
    // The old release's rate is an estimate, too: would so many of all that were refused fall on the new one by chance?
    if (tail(count + before, count, fresh.length / (fresh.length + old.length)) >= ACCIDENT) continue;
    return `${percent(rate)} of ${fresh.length} answers were ${status}, of the old release's ${percent(usual)}`;
  }
  return undefined;
}

function refusals(samples: readonly Sample[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { refused } of samples) if (refused !== undefined) counts.set(refused, (counts.get(refused) ?? 0) + 1);
  return counts;
}

/** Chance of at least `hits` of `count` when each has the chance `p`: the binomial distribution's upper tail. */
export function tail(count: number, hits: number, p: number): number {
  if (hits <= 0) return 1;
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  // log of C(count, hits) p^hits (1-p)^(count-hits), then each further term from the one before.
  let log = 0;
  for (let index = 0; index < hits; index++) log += Math.log((count - index) / (hits - index));
  let term = Math.exp(log + hits * Math.log(p) + (count - hits) * Math.log1p(-p));
  let sum = 0;
  for (let index = hits; index <= count && term > 0; index++) {
    sum += term;
    term *= ((count - index) / (index + 1)) * (p / (1 - p));
  }
  return Math.min(1, sum);
}

const failed = (samples: readonly Sample[]): number => samples.reduce((sum, sample) => sum + (sample.ok ? 0 : 1), 0);
const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
const round = (ms: number): number => Math.round(ms * 10) / 10;
