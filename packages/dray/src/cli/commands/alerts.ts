import type { Command } from "commander";
import { proveAlerts } from "../../flows/alerts-test.ts";
import { machinesOf, onEach } from "../../flows/fleet.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";

/** `dray alerts test`: an alert that never arrives is none. */
export function addAlerts(program: Command): void {
  const group = program.command("alerts").description("try the alerts that the machines send");
  const test = group.command("test").description("have each machine send a test alert");
  define<object>(test, ["dray alerts test"], async (run) => {
    const manifest = await run.manifest();
    const wheres = machinesOf(manifest, run.flags.machine);
    await onEach(wheres, wheres.length, (where) => proveAlerts(where, run.ssh, manifest.service, run.who, run.context));
    if (run.flags.json === true) return sayJson({ sent: wheres.map((where) => where.name) });
    for (const { name } of wheres) say(`${name} sent a test alert; did it arrive?`);
  });
}
