import type { Command } from "commander";
import { define } from "../command.ts";
import { checkText } from "../screen/check.ts";
import { say, sayJson } from "../screen/say.ts";
import { wantedOf } from "./wanted.ts";

/** `dray check`: may this be called production? */
export function addCheck(program: Command): void {
  const command = program
    .command("check")
    .description(
      "ask 27 questions about an endpoint, each with its evidence and its fix; the worst section is the score",
    )
    .option("-u, --url <url>", "the endpoint (default: the manifest's)")
    .option("-C, --container <name>", "a container that was started by hand, on --machine")
    .option("--min <score>", "exit with 1 below this score", "1");
  define<{ url?: string; container?: string; min: string }>(
    command,
    ["dray check", "dray check --json --min 0.8", "dray check --machine user@203.0.113.7 --container my-api"],
    async (run) => {
      const wanted = await wantedOf(run);
      const found = await run.dray.check(wanted);
      run.screen.close();
      if (run.flags.json === true) sayJson(found);
      else say(checkText(found));
      return found.score >= Number(run.flags.min) ? 0 : 1;
    },
  );
}
