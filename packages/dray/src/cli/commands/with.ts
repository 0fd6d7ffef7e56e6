import type { Command } from "commander";
import { define } from "../command.ts";
import { say, sayJson, saySaid } from "../screen/say.ts";
import { followed, type LogFlags, optionsOf } from "./logs.ts";

/** `dray with`: the containers beside a service. */
export function addWith(program: Command): void {
  const group = program.command("with").description("look after the containers beside a service (`with:`)");
  const restart = group
    .command("restart")
    .description("make one anew as the manifest says; its volumes stay, and it is away meanwhile")
    .argument("<name>");
  define<object>(restart, ["dray with restart cache"], async (run, name = "") => {
    const machines = await run.dray.with.restart(await run.scope(), name);
    if (run.as === "json") return sayJson(machines);
    for (const machine of machines) say(`${name} runs anew on ${machine}`);
  });
  const remove = group.command("remove").description("take one away; its volumes stay").argument("<name>");
  define<object>(remove, ["dray with remove cache"], async (run, name = "") => {
    const machines = await run.dray.with.remove(await run.scope(), name);
    if (run.as === "json") return sayJson(machines);
    for (const machine of machines) say(`${name} is gone from ${machine}`);
  });
  addLogs(group);
}

function addLogs(group: Command): void {
  const command = group
    .command("logs")
    .description("show the log of one")
    .argument("<name>")
    .option("-f, --follow", "keep showing new lines")
    .option("-n, --tail <lines>", "number of last lines", "100")
    .option("--since <time>", "nothing older: 30s, 10m, 6h, 7d")
    .option("--grep <pattern>", "only lines that a regular expression fits");
  define<LogFlags>(command, ["dray with logs cache -f"], async (run, name = "") => {
    const { flags } = run;
    const onLine = (line: { from: string; line: string }): void => {
      if (flags.json === true) say(JSON.stringify(line));
      else saySaid(line.from, line.line);
    };
    const options = optionsOf(flags);
    await followed(run.dray.with.logs(await run.scope(), { name, options, onLine }), options, run.context.signal);
  });
}
