import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: "unit", include: ["packages/*/src/**/*.test.ts", "test/*.test.ts"], sequence: { groupOrder: 0 } },
      },
      {
        test: {
          name: "scenarios",
          include: ["test/{contract,scenarios}/**/*.test.ts"],
          exclude: ["test/scenarios/trace.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
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
