import type { Command } from "commander";
import { doctor } from "../../flows/doctor/doctor.ts";
import { define } from "../command.ts";
import { doctorText } from "../screen/doctor.ts";
import { say, sayJson } from "../screen/say.ts";

/** `dray doctor`: has this computer everything that dray needs of it? */
export function addDoctor(program: Command): void {
  const command = program
    .command("doctor")
    .description("check this computer: ssh, Docker, logins, cache, clock, proxy; exits with 1 when something is wrong");
  define<object>(command, ["dray doctor", "dray doctor --json"], async (run) => {
    const findings = await doctor(run.context);
    run.screen.close();
    if (run.flags.json === true) sayJson(findings);
    else say(doctorText(findings));
    return findings.some(({ verdict }) => verdict === "fail") ? 1 : 0;
  });
}
