import { expect, test } from "vitest";
import { arithmeticOf, judge, numbersOf, type Rules, type Sample, tail } from "./judge.ts";

const RULES: Rules = { maxErrors: 0.01, maxP95: 1.5, minimum: 50 };

/** Mulberry32: the same numbers every time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Log-normal times around `ms`, as servers have them. */
function samples(count: number, ms: number, errors: number, random: () => number): Sample[] {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return { ok: random() >= errors, ms: ms * Math.exp(0.4 * normal) };
  });
}

test("the binomial tail", () => {
  expect(tail(10, 0, 0.1)).toBe(1);
  expect(tail(1, 1, 0.25)).toBeCloseTo(0.25, 12);
  expect(tail(10, 3, 0.5)).toBeCloseTo(0.9453125, 12);
  expect(tail(50, 10, 0.01)).toBeLessThan(1e-9);
  expect(tail(100_000, 1200, 0.01)).toBeLessThan(1e-8);
});

test("the figures behind a verdict: shares, what is allowed, and the chance against its bound", () => {
  const of = (count: number, bad: number, ms: number): Sample[] =>
    Array.from({ length: count }, (_each, index) => ({ ok: index >= bad, ms }));
  const { bound, errors, times } = arithmeticOf(of(40, 12, 9), of(60, 0, 8), RULES);
  expect(errors).toMatchObject({ rate: 0.3, usual: 0, allowed: 0.01 });
  expect(errors.chance).toBeLessThan(bound);
  expect(times).toBeUndefined();
  const slow = arithmeticOf(of(60, 0, 31), of(60, 0, 20), RULES).times;
  expect(slow).toMatchObject({ limitMs: 30, slow: 60, lasting: true });
  expect(slow?.chance).toBeLessThan(bound);
});

test("nearest-rank percentiles, errors left out", () => {
  const all = [4, 1, 3, 2].map((ms) => ({ ok: true, ms }));
  expect(numbersOf([...all, { ok: false, ms: 1000 }])).toEqual({ count: 5, failed: 1, p50Ms: 2, p95Ms: 4 });
  expect(numbersOf([])).toEqual({ count: 0, failed: 0, p50Ms: 0, p95Ms: 0 });
});

test(
  "a release as good as the old one is never called worse: 500 windows of 60 looks each",
  { timeout: 60_000 },
  () => {
    const random = randomOf(1);
    let alarms = 0;
    for (let window = 0; window < 500; window++) {
      const [ours, theirs] = [samples(150, 20, 0.002, random), samples(2000, 20, 0.002, random)];
      const looks = Array.from({ length: 60 }, (_, second) =>
        judge(ours.slice(0, (second + 1) * 2), theirs.slice(0, (second + 1) * 33), RULES, false),
      );
      if ([...looks, judge(ours, theirs, RULES, true)].some((verdict) => verdict.bad)) alarms++;
    }
    expect(alarms).toBe(0);
  },
);

test.each([
  ["20 % errors", samples(60, 20, 0.2, randomOf(2)), /% of 60 answers failed/],
  ["three times as slow", samples(60, 60, 0, randomOf(3)), /p95 is .* ms/],
] as const)("%s is seen in 60 answers", (_name, fresh, why) => {
  const verdict = judge(fresh, samples(1000, 20, 0, randomOf(4)), RULES, true);
  expect(verdict).toMatchObject({ bad: true, why: expect.stringMatching(why) });
});

test("errors that the old release has, too, are not the new one's", () => {
  const random = randomOf(5);
  expect(judge(samples(100, 20, 0.1, random), samples(1000, 20, 0.1, random), RULES, true).bad).toBe(false);
});

test("one hiccup of the machine condemns nobody; a few milliseconds are noise; few answers say nothing", () => {
  const old = samples(1000, 20, 0, randomOf(6));
  const hiccup = samples(100, 20, 0, randomOf(7)).map((each, index) =>
    index > 20 && index < 40 ? { ok: true, ms: 500 } : each,
  );
  expect(judge(hiccup, old, RULES, true).bad).toBe(false);
  expect(judge(samples(100, 3, 0, randomOf(8)), samples(1000, 1, 0, randomOf(9)), RULES, true).bad).toBe(false);
  expect(judge(samples(40, 100, 0, randomOf(10)), old, RULES, true).bad).toBe(false);
});

/** Answers of which each has one of the statuses, by chance. */
function refusing(count: number, shares: Record<number, number>, random: () => number): Sample[] {
  return Array.from({ length: count }, () => {
    let left = random();
    const found = Object.entries(shares).find(([, share]) => (left -= share) < 0);
    return found === undefined ? { ok: true, ms: 20 } : { ok: false, ms: 20, refused: Number(found[0]) };
  });
}

test("a refusal that is new is seen, whatever else the old release refuses", () => {
  const random = randomOf(11);
  // Before, a third of the callers sent what did not fit; now a third meets a route that is gone.
  const verdict = judge(refusing(60, { 404: 0.33 }, random), refusing(600, { 422: 0.33 }, random), RULES, false);
  expect(verdict).toMatchObject({ bad: true, why: expect.stringMatching(/^\d.* of 60 answers were 404, of the old/) });
  // What is answered with any status below 500 counts, too, where nobody said which answer is right.
  const found = Array.from({ length: 30 }, () => ({ ok: true, ms: 5, refused: 404 }));
  expect(judge(found, samples(30, 5, 0, random), RULES, false).bad).toBe(true);
});

test(
  "callers who are refused as often as before condemn nobody: 500 windows of 20 looks each",
  { timeout: 60_000 },
  () => {
    const random = randomOf(12);
    let alarms = 0;
    for (let window = 0; window < 500; window++) {
      const shares = { 404: 0.02, 422: 0.05 };
      const [ours, theirs] = [refusing(200, shares, random), refusing(200, shares, random)].map((all) =>
        all.map((each) => ({ ...each, ok: true })),
      ) as [Sample[], Sample[]];
      const looks = Array.from({ length: 20 }, (_, look) => (look + 1) * 10);
      if (looks.some((count) => judge(ours.slice(0, count), theirs.slice(0, count), RULES, false).bad)) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(2);
  },
);

test("with nothing to compare a refusal condemns nobody by itself", () => {
  expect(
    judge(
      Array.from({ length: 50 }, () => ({ ok: true, ms: 5, refused: 404 })),
      [],
      RULES,
      false,
    ).bad,
  ).toBe(false);
});
