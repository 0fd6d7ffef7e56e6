import { expect, test } from "vitest";
import { BAD, GOOD, openReleases } from "../world/bad-releases.ts";
import { draw, SEED } from "../world/lot.ts";
import { startVm } from "../world/vm.ts";

/** Those that other scenarios deploy every time. */
const ELSEWHERE = ["wrong golden answer", "20 % errors", "p95 x3", "never ready", "listens on localhost"];

// All of them by `npm run bench -- releases`; two a day here.
// Four deploys under load, each with its canary and its bake.
test(
  "bad releases under load are taken back by themselves, those that the proof sees harm nobody, good ones go through",
  { timeout: 600_000 },
  async () => {
    await using vm = await startVm();
    await using releases = await openReleases(vm);
    const bad = BAD.filter(({ name }) => !ELSEWHERE.includes(name));
    expect(bad).toHaveLength(5);
    const problems: string[] = [];
    for (const each of [...draw(bad, 2), ...GOOD.slice(0, 1)]) {
      const met = await releases.meet(each);
      problems.push(...met.problems);
      // A release that was let in and taken back again is told to those who are on duty.
      if (met.code === 7) expect(met.alerts, each.name).toBeGreaterThan(0);
    }
    expect(problems, `DRAY_SEED=${SEED}`).toEqual([]);
  },
);
