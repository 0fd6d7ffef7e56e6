#!/usr/bin/env node
import { makeProgram } from "./program.ts";
import { written } from "./screen/say.ts";

const program = makeProgram();
// A wrong command line exits with 2, as the shell's own tools do; commander says 1.
program.exitOverride((error) => {
  process.exit(error.exitCode === 0 ? 0 : 2);
});
for (const command of program.commands) {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}
await program.parseAsync();
// A pipe takes 64 KiB at a time: what is longer would be cut off by the exit.
await written();
// Sockets that wait for the next request must not keep a finished command alive.
process.exit(process.exitCode);
