import { expect, test } from "vitest";
import type { Kept } from "../../../edge/state.ts";
import { keptOf, releaseOf } from "../../../../../../test/contract/releases.ts";
import { type Due, GRACE_MS, Retiring } from "./due.ts";

const DRAIN_MS = 30_000;

const kept = (id: string): Kept => keptOf(releaseOf(id, { limits: { drainMs: DRAIN_MS } }));

const [r1, r2, r3] = [kept("r1"), kept("r2"), kept("r3")];
const names = ({ tell, kill }: Due): string[][] => [tell, kill].map((all) => all.map(({ release }) => release.id));
const nobody = (): boolean => false;

test("all that have no request left are told at once, and all that did not end are killed at once", () => {
  const retiring = new Retiring();
  const all = [r1, r2, r3];
  retiring.see(all, 0);
  const busy = (release: string): boolean => release === "r2";
  const first = retiring.due(all, busy, 0);
  expect(names(first)).toEqual([["r1", "r3"], []]);
  retiring.note(first, 0);
  expect(names(retiring.due(all, busy, GRACE_MS - 1))).toEqual([[], []]);
  expect(retiring.next(all, GRACE_MS - 1)).toBe(1);
  expect(names(retiring.due(all, busy, GRACE_MS))).toEqual([[], ["r1", "r3"]]);
  expect(names(retiring.due(all, nobody, GRACE_MS))).toEqual([["r2"], ["r1", "r3"]]);
});

test("each has its own patience: one that came later may finish its requests for as long", () => {
  const retiring = new Retiring();
  const busy = (): boolean => true;
  retiring.see([r1], 0);
  retiring.see([r1, r2], DRAIN_MS - 1);
  expect(retiring.patient([r1, r2], DRAIN_MS)).toEqual([r2]);
  expect(names(retiring.due([r1, r2], busy, DRAIN_MS))).toEqual([["r1"], []]);
});

test("what was killed and is still there is killed again, not at every look", () => {
  const retiring = new Retiring();
  retiring.see([r1], 0);
  retiring.note(retiring.due([r1], nobody, 0), 0);
  retiring.note(retiring.due([r1], nobody, GRACE_MS), GRACE_MS);
  expect(names(retiring.due([r1], nobody, GRACE_MS + 1))).toEqual([[], []]);
  expect(names(retiring.due([r1], nobody, 2 * GRACE_MS))).toEqual([[], ["r1"]]);
});

test("a release that somebody went back to begins anew when it loses the traffic once more", () => {
  const retiring = new Retiring();
  retiring.see([r1], 0);
  retiring.note(retiring.due([r1], nobody, 0), 0);
  retiring.see([], 1);
  retiring.see([r1], GRACE_MS);
  expect(names(retiring.due([r1], () => true, GRACE_MS))).toEqual([[], []]);
});
