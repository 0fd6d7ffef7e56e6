import { availableParallelism } from "node:os";
import path from "node:path";
import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/ci/order.ts";
import { Timing } from "./test/ci/timing.ts";
import { claim } from "./test/world/owner.ts";

// Everything that this run starts says whose it is: the next one cleans up after it if it is killed.
claim();
// The journal of whoever runs the tests is about their own deploys.
process.env["DRAY_STATE"] ??= path.resolve(".dray/state");

// What is told of a failure far away is its message: "[ Array(1) ]" is none.
const chaiConfig = { truncateThreshold: 2000 };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ["default", ["json", { outputFile: ".dray/tests.json" }], new Timing()],
    projects: [
      {
        test: {
          name: "unit",
          chaiConfig,
          include: ["packages/*/src/**/*.test.ts", "test/*.test.ts"],
          // The defaults are durations that no test is about: a thousand made-up requests take longer on a busy core.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Nothing else is tested meanwhile: vitest itself would leave one core to others.
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "scenarios",
          chaiConfig,
          include: ["test/{contract,scenarios}/**/*.test.ts"],
          setupFiles: ["test/ci/evidence.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // A stand-in on a busy machine takes its time; what must be quick says so itself.
          expect: { poll: { timeout: 20_000 } },
          // A scenario waits more than it works: for an engine, for a window to pass, for an answer that must be late.
          maxWorkers: Number(process.env["DRAY_TEST_WORKERS"] ?? 3),
          // Two projects with different worker counts must not share a group; the quick ones go first.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
