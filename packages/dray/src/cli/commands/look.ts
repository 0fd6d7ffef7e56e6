import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { define } from "../command.ts";
import { sayReports } from "../screen/report.ts";
import { agreeToRemove } from "../agree.ts";

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("show each machine: releases, replicas, requests in flight, addresses")
    .option("-a, --all", "every service of the machine");
  define<{ all?: boolean }>(command, ["dray status", "dray status --all --json"], async (run) => {
    sayReports(await run.dray.status(await run.scope(), run.flags.all === true ? "all" : "service"), run.as);
  });
}

export function addExec(program: Command): void {
  const command = program
    .command("exec")
    .description("run a program in the first replica that has the traffic")
    .argument("<program>", "and its arguments, after --")
    .argument("[args...]");
  define(command, ["dray exec -- sh", "dray exec -- python -V"], async (run, program_, rest) => {
    if (program_ === undefined) throw new Failure("usage.invalid", "exec needs a machine and a program");
    const argv = [program_, ...((rest as unknown as string[] | undefined) ?? [])];
    return await run.dray.exec(await run.scope(), { argv, terminal: process.stdin.isTTY });
  });
}

export function addRemove(program: Command): void {
  const command = program
    .command("remove")
    .description("take the service off its machines: route, containers, images")
    .option("-y, --yes", "do not ask");
  define<{ yes?: boolean }>(command, ["dray remove --yes"], async (run) => {
    const confirm = run.flags.yes === true ? {} : { confirm: agreeToRemove(run.as) };
    const done = await run.dray.remove(await run.scope(), confirm);
    run.screen.close();
    sayReports(done, run.as);
  });
}
