import type { Command } from "commander";
import type { Deployed, DeployOptions } from "../../flows/release/deploy.ts";
import type { Scope } from "../../flows/fleet/places.ts";
import { agreeToDeploy } from "../agree.ts";
import { define, operandsOf, type Run } from "../command.ts";
import { plannedText, sayDeployed, sayPlanned } from "../screen/deploy.ts";
import { say, sayJson, tell } from "../screen/say.ts";
import { retireLater } from "./retire.ts";

interface Flags {
  dryRun?: boolean;
  yes?: boolean;
  wait?: boolean;
  now?: boolean;
  acceptGolden?: boolean;
  port?: string;
  open?: boolean;
}

export function addDeploy(program: Command): void {
  const command = program
    .command("deploy")
    .description("build, carry, start, prove and switch to a new release; the old one serves until then")
    .argument("[image]", "image instead of the manifest's")
    .argument("[args...]", "behind --: the container's arguments, instead of the manifest's args")
    .option("--dry-run", "show what would be done, and stop")
    .option("-y, --yes", "do not ask")
    .option("--port <n>", "port the API listens on, where there is no manifest")
    .option("--open", "anybody may call it, as `keys: off` in the manifest says")
    .option("--now", "all of the traffic at once, without the manifest's canary and bake")
    .option("--accept-golden", "take changed golden answers over instead of refusing the release")
    .option("--wait", "return when the old release has ended, not when the new one serves");
  define<Flags>(
    command,
    [
      "dray deploy",
      "dray deploy --dry-run",
      "dray deploy my-api:2 --machine ops@203.0.113.7 --service decisions",
      "dray deploy vllm/vllm-openai:latest -- --model Qwen/Qwen3-0.6B",
    ],
    async (run) => {
      const said = await scopeWithArgs(run, command);
      const scope = run.flags.open === true ? { ...said, manifest: { ...said.manifest, keys: "off" as const } } : said;
      report(run, scope, await run.dray.deploy(scope, optionsOf(run.flags)));
    },
  );
}

/** The scope with the image that the command line names, and with the container's arguments behind `--`. */
async function scopeWithArgs(run: Run<Flags>, command: Command): Promise<Scope> {
  const { image, args } = operandsOf(command);
  const scope = await run.scope(image);
  return args.length === 0 ? scope : { ...scope, manifest: { ...scope.manifest, args } };
}

export function addPlan(program: Command): void {
  const command = program
    .command("plan")
    .description("show what a deploy would change and do; changes nothing")
    .argument("[image]", "image instead of the manifest's")
    .argument("[args...]", "behind --: the container's arguments, instead of the manifest's args")
    .option("--port <n>", "port the API listens on, where there is no manifest");
  define<Flags>(command, ["dray plan", "dray plan --json"], async (run) => {
    const planned = await run.dray.plan(await scopeWithArgs(run, command));
    run.screen.close();
    if (run.as === "text") return say(planned.map(plannedText).join("\n"));
    sayJson(planned.map(({ machine, plan, monthly }) => ({ machine, plan, monthly })));
  });
}

export function addRollback(program: Command): void {
  const command = program
    .command("rollback")
    .description("give the traffic back to a release that is kept on the machine")
    .argument("[release]", "release to go back to (default: the one before)")
    .option("--dry-run", "show what would be done, and stop")
    .option("-y, --yes", "do not ask")
    .option("--wait", "return when the release left has ended");
  define<Flags>(command, ["dray rollback", "dray rollback 1cx82k9f"], async (run, release) => {
    const scope = await run.scope();
    report(run, scope, await run.dray.rollback(scope, { ...optionsOf(run.flags), to: release }));
  });
}

export function addPromote(program: Command): void {
  const command = program
    .command("promote")
    .description("deploy the very image that serves in one environment to another one, without building")
    .argument("<from>", "environment that serves it")
    .argument("<to>", "environment that gets it")
    .option("--dry-run", "show what would be done, and stop")
    .option("-y, --yes", "do not ask")
    .option("--now", "all of the traffic at once, without the manifest's canary and bake")
    .option("--wait", "return when the old release has ended, not when the new one serves");
  const examples = ["dray promote staging production", "dray promote staging production --dry-run"];
  define<Flags>(command, examples, async (run, from = "", to = "") => {
    const promotion = { from: await run.scopeIn(from), to: await run.scopeIn(to) };
    const promoted = await run.dray.promote(promotion, optionsOf(run.flags));
    report(run, promotion.to, promoted);
    if (run.as === "text") tell(`${to} has what ${from} has: ${promoted.promoted.digest.slice(0, 19)}`);
  });
}

function optionsOf(flags: Run<Flags>["flags"]): DeployOptions {
  return {
    mode: flags.dryRun === true ? "plan" : "perform",
    rollout: flags.now === true ? "at-once" : "as-the-manifest-says",
    answers: flags.acceptGolden === true ? "may-change" : "must-match",
    ...(flags.wait === true ? {} : { retireLater }),
    ...agreeToDeploy(flags),
  };
}

function report({ flags, screen, as }: Run<Flags>, { manifest }: Scope, deployed: Deployed): void {
  screen.close();
  const { outcomes, goldenFile } = deployed;
  if (flags.dryRun === true) return sayPlanned(outcomes, as);
  if (goldenFile !== undefined) tell(`${goldenFile} has the new answers now; look at them, and commit them`);
  sayDeployed(deployed, as, manifest.tls === "off" ? "off" : "wanted");
}
