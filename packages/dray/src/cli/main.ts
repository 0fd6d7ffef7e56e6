#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { commandIn, makeProgram } from "./program.ts";
import { say, written } from "./screen/say.ts";

const argv = process.argv.slice(2);
const help = helpText();
if (help === undefined) await perform();
else say(help);
// A pipe takes 64 KiB at a time: what is longer would be cut off by the exit.
await written();
// Sockets that wait for the next request must not keep a finished command alive.
process.exit(process.exitCode);

async function perform(): Promise<void> {
  const program = await makeProgram(isVersion() ? "" : commandIn(argv));
  // A wrong command line exits with 2, as the shell's own tools do; commander says 1.
  program.exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });
  for (const command of program.commands) {
    command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
  }
  await program.parseAsync();
}

/** `dray --version` needs no command. */
function isVersion(): boolean {
  return argv.length === 1 && ["-V", "--version"].includes(argv[0] ?? "");
}

/** The list of all commands, which the build wrote beside this file: loading them all takes longer than anything else here. */
function helpText(): string | undefined {
  if (argv.length !== 1 || !["-h", "--help"].includes(argv[0] ?? "")) return undefined;
  try {
    return readFileSync(new URL("help.txt", import.meta.url), "utf8").trimEnd();
  } catch {
    return undefined;
  }
}
