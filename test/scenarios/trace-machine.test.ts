import { expect, test } from "vitest";
import { meetAll, MACHINE_FAULTS } from "../world/faults.ts";

test("every fault that the rig can make on a machine is named, at its hop", { timeout: 900_000 }, async () => {
  // As text, because a report shows "Array(1)" of what is nested.
  expect((await meetAll(MACHINE_FAULTS)).join("\n")).toBe("");
});
