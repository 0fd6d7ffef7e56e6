import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { define, type Run } from "../command.ts";
import { runEndText, runsText, runText } from "../screen/run.ts";
import { say, sayJson } from "../screen/say.ts";

/** `dray runs`: what was done from this computer, as its journal has it. */
export function addRuns(program: Command): void {
  const group = program
    .command("runs")
    .description("list and replay what was changed from this computer: deploys, rollbacks, keys, ...");
  addLs(group);
  addShow(group);
}

function addLs(group: Command): void {
  const ls = group
    .command("ls", { isDefault: true })
    .description("list the runs, the newest first")
    .option("-n, --last <runs>", "how many at most", "20");
  const examples = ["dray runs", "dray runs --json", "dray runs --service decisions --last 100"];
  define<{ last: string }>(ls, examples, async ({ dray, flags, as }) => {
    const last = Number(flags.last);
    if (!Number.isInteger(last) || last < 1)
      throw new Failure("usage.invalid", `--last ${flags.last} is no number of runs`, {
        hint: "a whole number from 1 on",
      });
    const all = await dray.runs.list();
    const runs = all.filter(({ service }) => flags.service === undefined || flags.service === service).slice(0, last);
    if (as === "json") return sayJson(runs);
    say(runsText(runs));
  });
}

function addShow(group: Command): void {
  const show = group
    .command("show")
    .description("replay one as it was drawn: its steps, how long each took, warnings, and how it ended")
    .argument("[id]", "the run, or the end of its id (default: the newest)")
    .option("-f, --follow", "of a run that is not over yet: go on until it is, whichever process does it");
  const examples = ["dray runs show", "dray runs show 20261130-154501-k3f9", "dray runs show k3f9 --json"];
  define<{ follow?: boolean }>(show, examples, async (run, id) => {
    const named = id ?? (await newest(run));
    if (run.flags.follow === true) await follow(run, named);
    const kept = await run.dray.runs.read(named);
    if (run.as === "json") return run.flags.follow === true ? undefined : sayJson(kept);
    // Its steps were drawn while they were followed.
    if (run.flags.follow === true) return say(runEndText(kept));
    say(runText(kept, process.stdout.isTTY ? "picture" : "lines"));
  });
}

async function newest({ dray }: Run<object>): Promise<string> {
  const [run] = await dray.runs.list();
  if (run !== undefined) return run.id;
  throw new Failure("runs.unknown", "no run of this computer is kept", { hint: "dray deploy makes one" });
}

/** People see it as they see their own; programs get each happening on stdout. */
async function follow({ dray, screen, as }: Run<object>, id: string): Promise<void> {
  for await (const news of dray.runs.follow(id)) {
    if (as === "json") say(JSON.stringify(news));
    else screen.emit(news);
  }
  screen.close();
}
