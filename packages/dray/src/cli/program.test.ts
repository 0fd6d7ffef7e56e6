import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { run } from "../base/process.ts";
import { completionScript } from "./completion.ts";
import { commandIn, makeProgram } from "./program.ts";
import { VERSION } from "./version.ts";

const { signal } = new AbortController();

test("each name in the table makes the command of that name, alone and among all", async () => {
  const all = await makeProgram();
  expect(all.commands.length).toBeGreaterThan(20);
  for (const command of all.commands) {
    expect(commandIn([command.name(), "--json"])).toBe(command.name());
    const alone = await makeProgram(command.name());
    expect(alone.commands.map((each) => each.name())).toEqual([command.name()]);
  }
  expect(commandIn(["--help"])).toBeUndefined();
  expect(commandIn(["constructor"])).toBeUndefined();
});

test("the version that dray says is its package's", async () => {
  const file = new URL("../../package.json", import.meta.url);
  expect((JSON.parse(await readFile(file, "utf8")) as { version: string }).version).toBe(VERSION);
});

/** The words that bash offers for the last of `words`. */
async function completed(script: string, ...words: string[]): Promise<string[]> {
  const typed = ["dray", ...words].map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _dray; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const ended = await run(["bash", "-c", `${script}\n${ask}`], { signal });
  expect(ended.stderr).toBe("");
  return ended.stdout.trim().split("\n");
}

test("bash completes commands, their own commands, and flags", async () => {
  const script = completionScript(await makeProgram(), "bash");
  expect(await completed(script, "dep")).toEqual(["deploy"]);
  expect(await completed(script, "keys", "re")).toEqual(["revoke"]);
  expect(await completed(script, "deploy", "--accept-g")).toEqual(["--accept-golden"]);
  expect(await completed(script, "keys", "add", "--js")).toEqual(["--json"]);
  // What is not for people is not offered.
  expect(await completed(script, "ret")).toEqual([""]);
});

test.each(["zsh", "fish"] as const)("%s is told of every command", async (shell) => {
  const program = await makeProgram();
  const script = completionScript(program, shell);
  const names = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
  expect(names.filter((name) => !script.includes(name))).toEqual([]);
});
