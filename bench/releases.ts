// Ten bad releases and ten good ones under load: what users saw of each, and whether it was taken back by itself.
import { BAD, GOOD, openReleases } from "../test/world/bad-releases.ts";
import { draw } from "../test/world/lot.ts";
import type { Figures, Stage } from "./stage.ts";

/** Of a smoke: whether a good release gets through, not whether the canary sees enough. */
const SMOKE_ROLLOUT = "{canary: [50], every: 1s, bake: 1s}";

/** `rounds` of the good ones, and with one round every third of the bad ones; failed shares of all of a release's time under load. */
export async function benchReleases(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  await using releases = await openReleases(vm);
  const figures = { rolledBack: 0, bad: 0, alerts: 0, falseAlarms: 0, good: 0, failedByProof: 0, failed: 0 };
  const shares: Record<string, number> = {};
  const problems: string[] = [];
  const quick = BAD.filter(({ name }) => name === "wrong golden answer");
  const some = stage.smoke ? draw(quick, 1) : BAD.filter((_bad, index) => rounds > 1 || index % 3 === 0);
  for (const bad of some) {
    const met = await releases.meet(bad);
    figures.bad++;
    if (met.right) figures.rolledBack++;
    if (met.code === 7) figures.alerts += met.alerts;
    figures.failed += met.failed;
    if (bad.proof) figures.failedByProof += met.failed;
    shares[bad.name] = Math.round((met.failed / met.sent) * 1e5) / 1e5;
    problems.push(...met.problems);
    say(`${bad.name}: ${met.failed} of ${met.sent} failed in ${met.seconds} s; exit ${met.code} ${met.why}`);
  }
  const good = stage.smoke ? GOOD.slice(0, 1).map((each) => ({ ...each, rollout: SMOKE_ROLLOUT })) : GOOD;
  for (const release of Array.from({ length: rounds }, () => good).flat()) {
    const met = await releases.meet(release);
    figures.good++;
    if (met.code !== 0) figures.falseAlarms++;
    figures.failed += met.failed;
    problems.push(...met.problems);
    say(`good release ${figures.good}: exit ${met.code}, ${met.failed} of ${met.sent} failed`);
  }
  return { ...figures, failedShare: shares, problems };
}
