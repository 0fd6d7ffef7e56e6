import type { Command } from "commander";
import { asFailure, Failure } from "../../base/failure.ts";
import { detach } from "../../base/process.ts";
import type { Left } from "../../flows/release/retire.ts";
import { define } from "../command.ts";
import { leaveToRetirer, postOf, Retirer } from "../retirer.ts";

/**
 * Draining may take minutes: a process of its own does it, so that the command can return. It is one for all commands of
 * this computer: where it is at work already, it takes this over too.
 */
export async function retireLater(left: Left): Promise<void> {
  const post = await postOf(left);
  if (post !== undefined && (await leaveToRetirer(post, left.keep))) return;
  const { target, place, service, keep } = left;
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
    const left: Left = { target, place: { name, at }, service, keep: Number(keep) };
    const retirer = await Retirer.at(await postOf(left), left.keep);
    if (retirer !== undefined) await retireAll(retirer, left, (each) => run.dray.retire(each));
  });
}

/** Until nobody hands anything over any more. Of one that fails the next may go well: its own deploy reached the machine. */
export async function retireAll(
  retirer: Pick<Retirer, "next">,
  left: Left,
  retire: (left: Left) => Promise<void>,
): Promise<void> {
  let failure: Failure | undefined;
  for (let keep: number | undefined = left.keep; keep !== undefined; keep = retirer.next())
    failure = await retire({ ...left, keep }).then(() => undefined, asFailure);
  if (failure !== undefined) throw failure;
}
