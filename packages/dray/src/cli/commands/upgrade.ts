import type { Command } from "commander";
import { findUpgrade } from "../../flows/release/upgrade.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";
import { VERSION } from "../version.ts";

/** `dray upgrade`: is there a newer one, and how is it installed? */
export function addUpgrade(program: Command): void {
  const command = program
    .command("upgrade")
    .description("say whether a newer dray is published, and how to install it; installs nothing by itself");
  define<object>(command, ["dray upgrade"], async (run) => {
    const found = await findUpgrade(VERSION, run.context);
    if (run.flags.json === true) return sayJson(found);
    if (found.command === undefined) return say(`dray ${found.here} is the newest`);
    say(`dray ${found.newest} is published, and this is ${found.here}. Install it: ${found.command}`);
  });
}
