import { defineConfig } from "vitest/config";
import { claim } from "./test/world/owner.ts";

claim();

// A real cluster, whose programs are built from their sources the first time: apart from npm test.
export default defineConfig({
  test: {
    include: ["test/kubernetes/**/*.test.ts"],
    globalSetup: "test/world/kubernetes/shared.ts",
    testTimeout: 180_000,
    hookTimeout: 400_000,
    maxWorkers: 1,
  },
});
