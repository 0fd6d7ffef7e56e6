import { expect, test } from "vitest";
import { openCrashes, WAYS } from "../world/crash-points.ts";
import { draw, SEED } from "../world/lot.ts";
import { startVm } from "../world/vm.ts";

// All of them by `npm run bench -- crash`; one a day of each of the three ways here.
// Ten deploys and rollbacks one after the other, each broken and mended.
test(
  "at any step of a deploy or a rollback dray is killed, its link cut or the engine killed: nobody notices, the next deploy mends it",
  { timeout: 600_000 },
  async () => {
    await using vm = await startVm("bookworm", "ops", { rttMs: 0 });
    const crashes = await openCrashes(vm);
    const drawn = WAYS.flatMap((way) =>
      draw(
        crashes.points.filter((point) => point.way === way),
        1,
      ),
    );
    expect(drawn).toHaveLength(WAYS.length);
    const problems: string[] = [];
    for (const point of drawn) problems.push(...((await crashes.meet(point))?.problems ?? []));
    expect(problems.join("\n"), `DRAY_SEED=${SEED}`).toBe("");
  },
);
