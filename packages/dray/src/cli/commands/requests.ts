import type { Command } from "commander";
import { define } from "../command.ts";
import { sinceOf } from "../since.ts";
import { say, sayJson, table } from "../screen/say.ts";

/** `dray requests` and `dray drift`: what came in, and whether it is still what the model was made for. */
export function addRequests(program: Command): void {
  const group = program
    .command("requests")
    .description("export the sample of requests and answers that is kept on the machine");
  const command = group
    .command("export")
    .description("write them to standard output, a line of JSON each")
    .option("--since <time>", "how far back: 30m, 6h, 7d", "30d");
  define<{ since: string }>(command, ["dray requests export --since 7d > requests.jsonl"], async (run) => {
    const sinceMs = Date.now() - sinceOf(run.flags.since);
    for (const each of await run.dray.requests.kept(await run.scope(), sinceMs)) say(JSON.stringify(each));
  });
}

export function addDrift(program: Command): void {
  const command = program
    .command("drift")
    .description(
      "measure how far features and scores have moved from the training data (PSI); exit code 1 when one has",
    )
    .option("--since <time>", "the requests of the last 6h, 7d, ...", "1d")
    .option(
      "--baseline <file>",
      "a .csv or .jsonl of training rows (default: the manifest's, else the golden requests)",
    );
  define<{ since: string; baseline?: string }>(
    command,
    ["dray drift", "dray drift --since 7d --baseline train.csv"],
    async (run) => {
      const { baseline } = run.flags;
      const how = { sinceMs: Date.now() - sinceOf(run.flags.since), ...(baseline === undefined ? {} : { baseline }) };
      const found = await run.dray.requests.drift(await run.scope(), how);
      if (run.flags.json === true) sayJson(found);
      for (const { machine, requests, baseline: from, fields } of run.flags.json === true ? [] : found) {
        const rows = fields.map((each) => [each.field, each.kind, String(each.psi), each.verdict]);
        say(`${machine}: ${requests} requests against ${from}\n${table(["FIELD", "KIND", "PSI", ""], rows)}`);
      }
      return found.some(({ fields }) => fields.some((each) => each.verdict === "drifted")) ? 1 : 0;
    },
  );
}
