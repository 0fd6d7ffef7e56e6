import { confirm } from "@clack/prompts";
import type { Command } from "commander";
import { attach } from "../../base/process.ts";
import { Failure } from "../../base/failure.ts";
import { connect, machinesOf, onEach, withSite } from "../../flows/fleet.ts";
import { programIn, type MachineStatus, status } from "../../flows/look.ts";
import { managedOf } from "../../flows/managed.ts";
import { remove } from "../../flows/remove.ts";
import { define } from "../command.ts";
import { say, sayJson, table } from "../screen/say.ts";
import { removeManaged, statusManaged } from "./managed.ts";
import { urlOf } from "./deploy.ts";

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("show each machine: releases, replicas, requests in flight, addresses")
    .option("-a, --all", "every service of the machine");
  define<{ all?: boolean }>(command, ["dray status", "dray status --all --json"], async (run) => {
    const manifest = await run.manifest();
    const managed = managedOf(manifest);
    if (managed !== undefined) return await statusManaged(run, managed, manifest);
    const wheres = machinesOf(manifest, run.flags.machine);
    const found = await onEach(wheres, wheres.length, (where) =>
      status(where, run.ssh, run.flags.all === true ? undefined : manifest.service, run.context),
    );
    if (run.flags.json === true) return sayJson(found);
    for (const machine of found) say(statusText(machine));
  });
}

function statusText(machine: MachineStatus): string {
  const head = `${machine.machine}: ${urlOf(machine)}${machine.edge ? "" : "  (no edge: nothing deployed)"}`;
  const rows = machine.services.flatMap((service) =>
    service.releases
      .toReversed()
      .map((each) => [
        service.service,
        each.release,
        each.share === 100 ? "traffic" : each.share > 0 ? `${each.share} %` : each.running > 0 ? "draining" : "kept",
        `${each.running}/${each.replicas}`,
        String(each.inFlight),
        each.image,
        each.commit ?? "",
        each.who,
        each.deployedAt,
      ]),
  );
  const columns = ["SERVICE", "RELEASE", "STATE", "RUNNING", "IN FLIGHT", "IMAGE", "COMMIT", "BY", "SINCE"];
  const left = machine.unfinished.map(({ running, text }) =>
    running ? text : `${text}; dray deploy, or dray rollback, clears it away`,
  );
  return [head, ...(rows.length === 0 ? [] : [table(columns, rows)]), ...left, ...certificateLines(machine)].join("\n");
}

function certificateLines({ certificates }: MachineStatus): string[] {
  return Object.entries(certificates).flatMap(([host, how]) => [
    ...(how.state === "valid" ? [`https://${host}: certificate of ${how.issuer} until ${how.until}`] : []),
    ...(how.state === "pending" ? [`https://${host}: the certificate is being asked for`] : []),
    ...(how.state !== "pending" && how.problem !== undefined
      ? [`https://${host}: ${how.problem.why}\n  ${how.problem.fix}; tried again at ${how.problem.nextAt}`]
      : []),
  ]);
}

export function addExec(program: Command): void {
  const command = program
    .command("exec")
    .description("run a program in the first replica that has the traffic")
    .argument("<program>", "and its arguments, after --")
    .argument("[args...]");
  define(command, ["dray exec -- sh", "dray exec -- python -V"], async (run, program_, rest) => {
    const [where] = machinesOf(await run.manifest(), run.flags.machine);
    if (where === undefined || program_ === undefined)
      throw new Failure("usage.invalid", "exec needs a machine and a program");
    const manifest = await run.manifest();
    const wanted = [program_, ...((rest as unknown as string[] | undefined) ?? [])];
    const found = await withSite(where, run.ssh, run.context, (site) => programIn(site, manifest.service, wanted));
    await using machine = await connect(where, run.ssh, run.context);
    const tty = process.stdin.isTTY ? "-it" : "-i";
    const argv = ["exec", tty, found.container, ...found.argv];
    // Users without access to the engine's socket go through sudo.
    const script = `test -w /var/run/docker.sock && exec docker "$@"; exec sudo -n docker "$@"`;
    return await attach(machine.interactive(["sh", "-c", script, "docker", ...argv], process.stdin.isTTY));
  });
}

export function addRemove(program: Command): void {
  const command = program
    .command("remove")
    .description("take the service off its machines: route, containers, images")
    .option("-y, --yes", "do not ask");
  define<{ yes?: boolean }>(command, ["dray remove --yes"], async (run) => {
    const manifest = await run.manifest();
    const managed = managedOf(manifest);
    if (managed !== undefined) return await removeManaged(run, managed, manifest);
    const wheres = machinesOf(manifest, run.flags.machine);
    if (run.flags.yes !== true) {
      const what = `${manifest.service} and its kept releases from ${wheres.map((where) => where.name).join(", ")}`;
      const sure =
        process.stdin.isTTY && run.flags.json !== true ? await confirm({ message: `Remove ${what}?` }) : false;
      if (sure !== true)
        throw new Failure("usage.declined", `not confirmed: this removes ${what}`, {
          hint: "if so: dray remove --yes",
        });
    }
    const done = await onEach(wheres, manifest.atOnce, async (where) => ({
      machine: where.name,
      ...(await remove(where, run.ssh, manifest.service, run.who, run.context)),
    }));
    if (run.flags.json === true) return sayJson(done);
    for (const each of done)
      say(`${manifest.service} is gone from ${each.machine}${each.edge ? ", and the edge with it" : ""}`);
  });
}
