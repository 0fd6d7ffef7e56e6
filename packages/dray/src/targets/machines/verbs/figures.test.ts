import type { Row } from "drayage-keeper";
import { expect, test } from "vitest";
import { seriesOf } from "./figures.ts";
import { rowsIn } from "./metrics.ts";

const NOW_S = 1_800_000_030;
const MINUTE_S = 60;
const THIS_MINUTE = Math.floor(NOW_S / MINUTE_S) * MINUTE_S;

function row(minutesAgo: number, release: string, statuses: Record<string, number>): Row {
  const none = {};
  return {
    at: THIS_MINUTE - minutesAgo * MINUTE_S,
    service: "decisions",
    release,
    statuses,
    left: 0,
    callers: {},
    total: none,
    queue: none,
    model: none,
  };
}

test("numbers over time are by the minute, with the minutes in which nobody called", () => {
  const series = seriesOf(
    [row(3, "r1", { 200: 60 }), row(1, "r1", { 200: 54, 503: 6 }), row(1, "r2", { 200: 60 })],
    300,
    NOW_S,
  );
  expect(series.map(({ at }) => (THIS_MINUTE - at) / MINUTE_S)).toEqual([3, 2, 1, 0]);
  expect(series.map(({ requests, errors }) => [requests, errors])).toEqual([
    [60, 0],
    [0, 0],
    [120, 6],
    [0, 0],
  ]);
  expect(series[2]?.releases).toEqual({ r1: 1, r2: 1 });
});

test("the minute that is not over counts as long as it has been", () => {
  const spanS = NOW_S - THIS_MINUTE;
  const [now] = seriesOf([row(0, "r1", { 200: spanS * 5 })], 300, NOW_S).slice(-1);
  expect(now?.perSecond).toBe(5);
});

test("thirty days are 120 parts at most, and none before the first request", () => {
  const rows = Array.from({ length: 30 * 24 }, (_each, hour) => row(hour * 60, "r1", { 200: 1 }));
  const series = seriesOf(rows, 30 * 24 * 3600, NOW_S);
  expect(series.length).toBeGreaterThan(110);
  expect(series.length).toBeLessThanOrEqual(121);
  expect(series.reduce((all, { requests }) => all + requests, 0)).toBe(rows.length);
  expect(seriesOf([row(5, "r1", { 200: 1 })], 30 * 24 * 3600, NOW_S).length).toBeLessThanOrEqual(2);
});

test("rows that a keeper tells are those that can be counted; what was cut off on its way is none at all", () => {
  const good = row(1, "r1", { 200: 3 });
  expect(rowsIn(JSON.stringify([good, { at: "noon" }, 7]))).toEqual([good]);
  expect(rowsIn("[]")).toEqual([]);
  for (const body of ["", "404 page not found", JSON.stringify([good]).slice(0, -5), "{}"])
    expect(rowsIn(body)).toBeUndefined();
});
