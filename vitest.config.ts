import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { claim } from "./test/world/owner.ts";

// Everything that this run starts says whose it is: the next one cleans up after it if it is killed.
claim();

/** Short files that take long: by their size vitest would begin them last, and one core would wait for them. */
const LONG = /(machines|switch-under-load|examples)\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer's own
    const sorted = await super.sort(files);
    return [true, false].flatMap((long) => sorted.filter(({ moduleId }) => LONG.test(moduleId) === long));
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "test/*.test.ts"],
          // The default of 5 s is a duration that no test is about: a thousand made-up requests take longer on a busy core.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "scenarios",
          include: ["test/{contract,scenarios}/**/*.test.ts"],
          exclude: ["test/scenarios/trace.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // A stand-in on a busy machine takes its time; what must be quick says so itself.
          expect: { poll: { timeout: 20_000 } },
          maxWorkers: 2,
          // Two projects with different worker counts must not share a group; the quick ones go first.
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "rig",
          include: ["test/scenarios/trace.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Six hosts that share two cores, and faults that are told apart by patience: it has them to itself.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
