import { expect, test } from "vitest";
import { upgradeFrom } from "./upgrade.ts";

test.each([
  ["0.1.0", "0.2.0", true],
  ["0.9.0", "0.10.0", true],
  ["0.2.0", "0.2.0", false],
  ["0.3.0", "0.2.9", false],
  ["1.0.0-rc.1", "1.0.0", true],
  ["1.0.0", "1.0.0-rc.2", false],
  ["1.0.0-rc.2", "1.0.0-rc.10", true],
])("from %s to %s", (here, newest, newer) => {
  const found = upgradeFrom(here, 0, JSON.stringify(newest));
  expect(found).toEqual({ here, newest, ...(newer ? { command: `npm install -g drayage@${newest}` } : {}) });
});

test("a registry without the package, and none at all, are each a sentence", () => {
  expect(() => upgradeFrom("0.1.0", 1, '{"error": {"code": "E404"}}')).toThrow(
    "npm's registry has no package drayage, so the newest version is not known",
  );
  expect(() => upgradeFrom("0.1.0", 1, "")).toThrow("npm's registry does not answer");
});
