import type { Command } from "commander";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";

/** `dray alerts test`: an alert that never arrives is none. */
export function addAlerts(program: Command): void {
  const group = program.command("alerts").description("try the alerts that the machines send");
  const test = group.command("test").description("have each machine send a test alert");
  define<object>(test, ["dray alerts test"], async (run) => {
    const sent = await run.dray.alerts.test(await run.scope());
    if (run.flags.json === true) return sayJson({ sent });
    for (const name of sent) say(`${name} sent a test alert; did it arrive?`);
  });
}
