import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { detach } from "../../base/process.ts";
import { machinesOf, onEach } from "../../flows/fleet.ts";
import { finish } from "../../flows/remove.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define, type Run } from "../command.ts";

/** Draining may take minutes: a process of its own does it, so that the command can return. */
export async function retireLater(
  run: Run<object & { machine?: string }>,
  manifest: Manifest,
  wait: boolean,
): Promise<void> {
  const wheres = machinesOf(manifest, run.flags.machine);
  if (wait) {
    await onEach(wheres, wheres.length, (where) =>
      finish(where, run.ssh, manifest.service, run.who, manifest.keep, run.context),
    );
    return;
  }
  const [node, main] = [process.execPath, process.argv[1] ?? ""];
  for (const where of wheres)
    detach([node, main, "retire", where.name, where.ssh, manifest.service, String(manifest.keep)], process.env);
}

/** What `retireLater` starts; not for people. */
export function addRetire(program: Command): void {
  const command = program
    .command("retire", { hidden: true })
    .argument("<name>")
    .argument("<ssh>")
    .argument("<service>")
    .argument("<keep>");
  define(command, [], async (run, name, ssh, service, keep) => {
    if (name === undefined || ssh === undefined || service === undefined)
      throw new Failure("usage.invalid", "retire NAME SSH SERVICE KEEP");
    await finish({ name, ssh }, run.ssh, service, run.who, Number(keep), run.context);
  });
}
