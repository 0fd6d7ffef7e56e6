import { defineConfig } from "vitest/config";

// A real VM, booted and rebooted in software: minutes, so apart from npm test.
export default defineConfig({
  test: { include: ["test/vm/**/*.test.ts"], testTimeout: 1_800_000, hookTimeout: 600_000 },
});
