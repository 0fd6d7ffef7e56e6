import { expect, test } from "vitest";
import { harmless } from "./say.ts";

test("a terminal is given colours, and no other command", () => {
  expect(harmless("\x1b[31mred\x1b[0m\n\tplain")).toBe("\x1b[31mred\x1b[0m\n\tplain");
  expect(harmless("\x1b]0;title\x07")).toBe("\\x1b]0;title\\x07");
  expect(harmless("\x1b[2J\x9b2J\r")).toBe("\\x1b[2J\\x9b2J\\x0d");
});
