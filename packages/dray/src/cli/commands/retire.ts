import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { detach } from "../../base/process.ts";
import type { Left } from "../../flows/release/retire.ts";
import { define } from "../command.ts";

/** Draining may take minutes: a process of its own does it, so that the command can return. */
export function retireLater({ target, place, service, keep }: Left): void {
  const [node, main] = [process.execPath, process.argv[1] ?? ""];
  detach([node, main, "retire", target, place.name, place.at, service, String(keep)], process.env);
}

/** What `retireLater` starts; not for people. */
export function addRetire(program: Command): void {
  const command = program
    .command("retire", { hidden: true })
    .argument("<target>")
    .argument("<name>")
    .argument("<at>")
    .argument("<service>")
    .argument("<keep>");
  define(command, [], async (run, ...[target, name, at, service, keep]) => {
    if (target === undefined || name === undefined || at === undefined || service === undefined)
      throw new Failure("usage.invalid", "retire TARGET NAME AT SERVICE KEEP");
    await run.dray.retire({ target, place: { name, at }, service, keep: Number(keep) });
  });
}
