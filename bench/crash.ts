// dray killed, its link cut, the machine's engine killed: at every step of a deploy and of a rollback, under load.
import { openCrashes } from "../test/world/crash-points.ts";
import { draw } from "../test/world/lot.ts";
import type { Figures, Stage } from "./stage.ts";

/** With one round every twelfth point only. */
export async function benchCrash(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm("ops", { rttMs: 0 });
  const figures = {
    points: 0,
    served: 0,
    failedRequests: 0,
    failedWithoutEngine: 0,
    stuckLocks: 0,
    recovered: 0,
    told: 0,
    engineMs: 0,
  };
  const problems: string[] = [];
  const crashes = await openCrashes(vm);
  const some = stage.smoke
    ? draw(crashes.points, 1)
    : crashes.points.filter((_point, index) => rounds > 1 || index % 12 === 0);
  for (const point of some) {
    const met = await crashes.meet(point);
    if (met === undefined) continue;
    figures.points++;
    if (met.told) figures.told++;
    if (/service\.locked/.test(met.again)) figures.stuckLocks++;
    if (met.recovered) figures.recovered++;
    if (met.served) figures.served++;
    figures.engineMs = Math.max(figures.engineMs, met.outageMs);
    figures.failedRequests += met.failed;
    if (point.way !== "engine") figures.failedWithoutEngine += met.failed;
    problems.push(...met.problems);
    say(
      `${point.name}: ${met.failed} of ${met.sent} failed, for ${met.outageMs} ms; again in ${met.againMs} ms${met.again === "" ? "" : " FAILED"}`,
    );
  }
  return { ...figures, problems };
}
