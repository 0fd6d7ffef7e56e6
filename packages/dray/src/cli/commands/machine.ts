import type { Belonging, Cleaned, HostFacts, SetUp } from "../../contract/answers.ts";
import type { Place } from "../../contract/place.ts";
import type { Whose } from "../../flows/fleet/hosts.ts";
import { confirm, isCancel } from "@clack/prompts";
import type { Command } from "commander";
import prettyBytes from "pretty-bytes";
import { Failure } from "../../base/failure.ts";
import { agree } from "../agree.ts";
import { define, type Run } from "../command.ts";
import { addBackup } from "./machine-backup.ts";
import { addCloudMachines, listText } from "./cloud-machine.ts";
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
    if (run.flags.cloud !== undefined) return await listText(run, run.flags.cloud);
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
  addClean(group);
  addBackup(group, named);
  addCloudMachines(group);
}

function addClean(group: Command): void {
  const clean = group
    .command("clean")
    .description("remove everything that dray made on a machine; Docker itself stays")
    .argument("[host]", "user@host")
    .option("--data", "also the volumes in which services keep data")
    .option("-y, --yes", "do not ask");
  const examples = ["dray machine clean", "dray machine clean ops@203.0.113.7 --data --yes"];
  define<{ data?: boolean; yes?: boolean }>(clean, examples, async (run, host) => {
    const whose = host === undefined ? await named(run) : { host };
    const before = "Every service on it ends, and its releases and history are lost.";
    const done = await run.dray.hosts.clean(whose, {
      data: run.flags.data === true,
      agree: async (plan) => await agree(run, plan, before),
    });
    run.screen.close();
    if (run.flags.json === true) return sayJson(done);
    for (const each of done) sayCleaned(each);
  });
}

function sayCleaned({ machine, before, after }: Cleaned): void {
  const key = ({ kind, name }: Belonging): string => `${kind} ${name}`;
  const there = new Set(after.map(key));
  const rows = before.map((each) => [each.kind, each.name, "there", there.has(key(each)) ? "there" : "gone"]);
  if (rows.length > 0) say(table(["KIND", "NAME", "BEFORE", "AFTER"], rows));
  if (after.length === 0) return say(`nothing of dray is left on ${machine}`);
  say(
    `left on ${machine}: ${after.length} volume(s) with data of services; dray machine clean --data removes them, too`,
  );
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
