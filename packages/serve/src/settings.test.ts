import { expect, test } from "vitest";
import { readSettings } from "./settings.ts";

const read = (argv: string[], env: NodeJS.ProcessEnv = {}): string => readSettings(argv, env, () => "{}").wire;

test("requests are read past node:http, unless environment or command line say otherwise", () => {
  expect(read([])).toBe("fast");
  expect(read([], { DRAY_WIRE: "standard" })).toBe("standard");
  expect(read(["--wire", "standard"])).toBe("standard");
  expect(read(["--wire", "fast"], { DRAY_WIRE: "standard" })).toBe("fast");
  expect(() => read([], { DRAY_WIRE: "slow" })).toThrow(/^wire: .*"fast"\|"standard"/);
});
