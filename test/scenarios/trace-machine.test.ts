import { expect, test } from "vitest";
import { meetAll, MACHINE_FAULTS } from "../world/faults.ts";

test("every fault that the rig can make on a machine is named, at its hop", { timeout: 900_000 }, async () => {
  expect(await meetAll(MACHINE_FAULTS)).toEqual([]);
});
