import { expect, test } from "vitest";
import { meetAll, WAY_FAULTS } from "../world/faults.ts";

test(
  "every fault that the rig can make on the way to a machine is named, at its hop",
  { timeout: 900_000 },
  async () => {
    expect(await meetAll(WAY_FAULTS)).toEqual([]);
  },
);
