import { describe, expect, test } from "vitest";
import { Failure } from "../../base/failure.ts";
import { failureText } from "./failure.ts";
import { coloured, plain, plainIn } from "./plain.ts";

const HOSTILE: [string, string][] = [
  ["the clipboard (OSC 52)", "a\u001B]52;c;cm0gLXJm\u0007b"],
  ["the title (OSC 0)", "a\u001B]0;owned\u0007b"],
  ["the screen", "a\u001B[2J\u001B[Hb"],
  ["a question to the terminal", "a\u001B[6n\u001B[cb"],
  ["a device control string", "a\u001BP$q\u001B\\\\b"],
  ["C1 in one byte", "a\u009B2Jb\u009D0;x\u009Cc"],
  ["backspaces and carriage returns", "rm -rf /\b\b\b\rls"],
  ["half a sequence, and colours inside of one", "a\u001B]0;\u001B[1mb"],
  ["a lone escape", "a\u001B"],
];

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const OBEYED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/;

describe("text of a stranger's", () => {
  test.each(HOSTILE)("has nothing left that a terminal obeys: %s", (_what, text) => {
    expect(plain(text)).not.toMatch(OBEYED);
  });

  test.each(HOSTILE)("has nothing left but colours where ours are in it: %s", (_what, text) => {
    const red = "\u001B[31mred\u001B[0m ";
    const shown = coloured(red + text);
    expect(shown.startsWith(red)).toBe(true);
    // One of the texts has a colour in it.
    expect(shown.slice(red.length).replaceAll("\u001B[1m", "")).not.toMatch(OBEYED);
  });

  test("keeps its words, tabs and lines", () => {
    const text = "\u001B[31mžluť\tý\u001B[0m\nline";
    expect(plain(text)).toBe("žluť\tý\nline");
  });

  test("is made plain in what happens, and in what failed", () => {
    expect(plainIn({ type: "line", text: "a\u001B[2Jb", ms: 1, deep: [{ x: "\u0007" }] })).toEqual({
      type: "line",
      text: "ab",
      ms: 1,
      deep: [{ x: "" }],
    });
    const failure = new Failure("release.crashed", "it said \u001B]0;x\u0007", {
      details: ["\u001B[2Jlog"],
      hint: "\u009B1A",
    });
    expect(failureText(failure)).not.toMatch(OBEYED);
    expect(failureText(failure)).toContain("log");
  });
});
