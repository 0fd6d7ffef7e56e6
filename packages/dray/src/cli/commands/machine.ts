import type { HostFacts } from "../../contract/answers.ts";
import type { SetUp } from "../../contract/answers.ts";
import type { Place } from "../../contract/place.ts";
import type { Whose } from "../../flows/hosts.ts";
import { confirm, isCancel } from "@clack/prompts";
import type { Command } from "commander";
import prettyBytes from "pretty-bytes";
import { Failure } from "../../base/failure.ts";
import { define, type Run } from "../command.ts";
import { addCloudMachines, listOf } from "./cloud-machine.ts";
import { say, sayJson, table, tell } from "../screen/say.ts";

export function addMachine(program: Command): void {
  const group = program.command("machine").description("list, set up, create and remove machines");
  const list = group
    .command("ls")
    .description("list machines: system, engine, processor, memory, disk, addresses, services")
    .option("--cloud <cloud>", "the machines of a cloud instead of the manifest's: gce")
    .option("--project <name>", "the cloud's project (default: of the environment, or gcloud's)")
    .option("-a, --all", "also the cloud's machines that dray did not make");
  const examples = ["dray machine ls", "dray machine ls --machine ops@203.0.113.7", "dray machine ls --cloud gce"];
  define<{ cloud?: string; project?: string; all?: boolean }>(list, examples, async (run) => {
    if (run.flags.cloud !== undefined) return await listOf(run, run.flags.cloud);
    const facts = await run.dray.hosts.facts(await named(run));
    if (run.flags.json === true) return sayJson(facts);
    say(
      table(
        ["MACHINE", "SYSTEM", "ENGINE", "ARCH", "CPUS", "MEMORY", "DISK FREE", "ADDRESSES", "EDGE", "SERVICES"],
        facts.map(row),
      ),
    );
  });
  const set = group
    .command("setup")
    .description("install Docker from the machine's distribution where it is missing")
    .argument("[host]", "user@host")
    .option("-y, --yes", "do not ask");
  define<{ yes?: boolean }>(set, ["dray machine setup ops@203.0.113.7"], async (run, host) => {
    const whose = host === undefined ? await named(run) : { host };
    const done = await run.dray.hosts.setUp(whose, async (place, plan) => await agreeToSetUp(place, plan, run.flags));
    for (const { machine, changed } of done)
      say(changed ? `${machine} has Docker now` : `${machine} has Docker already`);
  });
  addCloudMachines(group);
}

async function named(run: Run<object>): Promise<Whose> {
  const { machine, file } = run.flags;
  if (machine !== undefined && file === undefined && machine.includes("@")) return { host: machine };
  return await run.scope();
}

function row(facts: HostFacts): string[] {
  const { memory, diskFree } = facts;
  return [
    facts.machine,
    facts.os,
    facts.engine,
    facts.architecture,
    String(facts.cpus),
    prettyBytes(memory, { binary: true }),
    diskFree === undefined ? "?" : prettyBytes(diskFree),
    facts.addresses.join(" "),
    facts.edge ? "yes" : "no",
    facts.services.join(" ") || "-",
  ];
}

/** Shows what would be run and asks. @throws Failure usage.declined */
async function agreeToSetUp({ name }: Place, { commands }: SetUp, flags: { yes?: boolean }): Promise<void> {
  tell(`on ${name}, dray will run:\n${commands.map((command) => `  ${command}`).join("\n")}`);
  if (flags.yes === true) return;
  const answer = process.stdin.isTTY ? await confirm({ message: "Go on?" }) : false;
  if (isCancel(answer) || !answer)
    throw new Failure("usage.declined", "not confirmed; nothing was changed", { hint: "dray machine setup --yes" });
}
