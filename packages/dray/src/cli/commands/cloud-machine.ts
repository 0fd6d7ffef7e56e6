import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import type { CloudMachine } from "../../core/cloud.ts";
import type { LeftOver } from "../../core/prepared.ts";
import { monthText } from "../../core/prices.ts";
import {
  cloudOf,
  createMachine,
  listMachines,
  removeMachine,
  startMachine,
  stopMachine,
} from "../../flows/fleet/cloud.ts";
import { agree } from "../agree.ts";
import { define, type Run } from "../command.ts";
import { say, sayJson, table } from "../screen/say.ts";

interface CloudFlags {
  cloud: string;
  project?: string;
  yes?: boolean;
}

interface CreateFlags extends CloudFlags {
  zone: string;
  type: string;
  disk: string;
  system: string;
}

const CLOUD = ["--cloud <cloud>", "whose", "gce"] as const;
const PROJECT = ["--project <name>", "the cloud's project (default: of the environment, or gcloud's)"] as const;

/** `dray machine create|start|stop|rm`: machines that dray makes and takes away. */
export function addCloudMachines(group: Command): void {
  addCreate(group);
  addStart(group);
  addStop(group);
  addRm(group);
}

function addCreate(group: Command): void {
  const create = group
    .command("create")
    .description("make a machine with an address that stays, ports 80 and 443 open, and Docker")
    .argument("<name>", "name of the machine")
    .option(...CLOUD)
    .option(...PROJECT)
    .option("--zone <zone>", "where", "us-central1-a")
    .option("--type <type>", "how large", "e2-small")
    .option("--disk <GB>", "size of its disk", "20")
    .option("--system <image>", "debian-12, cos, or an image's path", "debian-12")
    .option("-y, --yes", "do not ask");
  const examples = [
    "dray machine create jkowalski-vm",
    "dray machine create jkowalski-vm --cloud gce --zone europe-central2-a --type e2-standard-2",
  ];
  define<CreateFlags>(create, examples, async (run, name = "") => {
    const { zone, type, system, disk } = run.flags;
    const diskGb = Number(disk);
    if (!Number.isInteger(diskGb) || diskGb < 10)
      throw new Failure("usage.invalid", `--disk ${disk} is no size in GB`, { hint: "a whole number from 10 on" });
    const prepared = await createMachine(cloudFor(run), { name, zone, type, diskGb, system }, run.context);
    await agree(run, prepared.plan, prepared.monthly === undefined ? "" : `It costs ${monthText(prepared.monthly)}.`);
    const made = await prepared.perform(run.context);
    run.screen.close();
    if (run.flags.json === true) return sayJson(made);
    say(`${made.name} is ready: ${made.ssh} (its host keys are in ${made.knownHosts})`);
    if (made.monthly !== undefined)
      say(`it costs ${monthText(made.monthly.running)}; dray machine rm ${made.name} ends that`);
    say(`next: machine: ${made.ssh} in dray.yaml, or dray init --machine ${made.ssh}; then dray deploy`);
  });
}

function addStart(group: Command): void {
  const start = group
    .command("start")
    .description("start a machine that was stopped")
    .argument("<name>")
    .option(...CLOUD)
    .option(...PROJECT);
  define<CloudFlags>(start, ["dray machine start jkowalski-vm"], async (run, name = "") => {
    const machine = await startMachine(cloudFor(run), name, run.context);
    run.screen.close();
    if (run.flags.json === true) return sayJson(machine);
    say(
      `${name} runs at ${machine.external ?? "no external address"}${machine.reserved ? "" : ", which is new: it was not reserved"}`,
    );
  });
}

function addStop(group: Command): void {
  const stop = group
    .command("stop")
    .description("stop a machine; says what goes on costing")
    .argument("<name>")
    .option(...CLOUD)
    .option(...PROJECT);
  define<CloudFlags>(stop, ["dray machine stop jkowalski-vm"], async (run, name = "") => {
    report(run, await stopMachine(cloudFor(run), name, run.context));
  });
}

function addRm(group: Command): void {
  const rm = group
    .command("rm")
    .description("take a machine away with all that was made for it; says what goes on costing")
    .argument("<name>")
    .option(...CLOUD)
    .option(...PROJECT)
    .option("--keep-address", "keep its reserved address")
    .option("-y, --yes", "do not ask");
  define<CloudFlags & { keepAddress?: boolean }>(rm, ["dray machine rm jkowalski-vm"], async (run, name = "") => {
    const prepared = await removeMachine(cloudFor(run), name, run.flags.keepAddress === true, run.context);
    await agree(run, prepared.plan, "What is on its disk is lost.");
    report(run, await prepared.perform(run.context));
  });
}

function cloudFor(run: Run<CloudFlags>): ReturnType<typeof cloudOf> {
  return cloudOf(run.flags.cloud, run.flags.project);
}

function report(run: Run<object>, left: LeftOver): void {
  run.screen.close();
  if (run.flags.json === true) return sayJson(left);
  for (const line of [...left.done, ...left.costs]) say(line);
}

/** `dray machine ls --cloud gce`. */
export async function listText(run: Run<{ project?: string; all?: boolean }>, cloud: string): Promise<void> {
  const found = await listMachines(cloudOf(cloud, run.flags.project), run.flags.all === true, run.context);
  if (run.flags.json === true) return sayJson(found);
  say(table(["MACHINE", "ZONE", "STATUS", "TYPE", "EXTERNAL", "INTERNAL", "BY", "A MONTH"], found.map(row)));
  if (found.some(({ external }) => external !== undefined))
    say("external: reached from everywhere, if the firewall lets it in; internal: only inside the cloud's network");
}

function row(machine: CloudMachine): string[] {
  const { external, reserved, monthly, status } = machine;
  const price = status === "TERMINATED" ? monthly?.stopped : monthly?.running;
  return [
    machine.name,
    machine.zone,
    status,
    machine.type,
    external === undefined ? "-" : `${external}${reserved ? "" : " (goes when stopped)"}`,
    machine.internal ?? "-",
    machine.ours ? "dray" : "others",
    price === undefined ? "?" : `$${price.toFixed(2)}`,
  ];
}
