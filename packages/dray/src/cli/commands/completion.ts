import { Argument, type Command } from "commander";
import { completionScript, type Shell, SHELLS } from "../completion.ts";
import { say } from "../screen/say.ts";

/** `dray completion`: a script for the user's shell. */
export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes dray's commands and flags in your shell")
    .addArgument(new Argument("<shell>", "the shell it is for").choices(SHELLS))
    .addHelpText("after", "\nExamples:\n  $ source <(dray completion bash)")
    .action(async (shell: Shell) => {
      // A run has only its own command loaded; the script is about all of them.
      const { makeProgram } = await import("../program.ts");
      say(completionScript(await makeProgram(), shell).trimEnd());
    });
}
