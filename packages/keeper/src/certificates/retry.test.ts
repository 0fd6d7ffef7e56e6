import { expect, test } from "vitest";
import { waitAfter } from "./retry.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const said = (kind: string, waitMs?: number): Parameters<typeof waitAfter>[1] => ({ kind, waitMs });

test("without a certificate each wait is twice the one before, up to six hours", () => {
  expect([1, 2, 3, 10, 99].map((failures) => waitAfter(failures, said(""), undefined))).toEqual([
    MINUTE,
    2 * MINUTE,
    4 * MINUTE,
    6 * HOUR,
    6 * HOUR,
  ]);
});

test("the next try is not later than half of what the certificate in force has left", () => {
  const life = 90 * DAY;
  expect(waitAfter(20, said(""), { lifeMs: life, leftMs: 20 * DAY })).toBe(6 * HOUR);
  expect(waitAfter(20, said(""), { lifeMs: life, leftMs: 4 * HOUR })).toBe(2 * HOUR);
  // A CA's limits are for certificates of weeks: a minute is the least.
  expect(waitAfter(20, said(""), { lifeMs: life, leftMs: 10_000 })).toBe(MINUTE);
  // One that lives for 24 s is asked for again before it is over.
  expect(waitAfter(1, said(""), { lifeMs: 24_000, leftMs: 7000 })).toBe(3500);
  expect(waitAfter(1, said(""), { lifeMs: 24_000, leftMs: 1000 })).toBe(2000);
  expect(waitAfter(1, said(""), { lifeMs: 24_000, leftMs: -1 })).toBe(MINUTE);
});

test("what the CA asks for is kept to, and what costs it nothing is tried often", () => {
  expect(waitAfter(1, said("", HOUR), { lifeMs: DAY, leftMs: MINUTE })).toBe(HOUR);
  expect(waitAfter(9, said("unresolved"), undefined)).toBe(10_000);
  expect(waitAfter(9, said("edge"), undefined)).toBe(1000);
});
