import { confirm, isCancel } from "@clack/prompts";
import type { Command } from "commander";
import pLimit from "p-limit";
import prettyMs from "pretty-ms";
import { Failure } from "../../base/failure.ts";
import type { Golden } from "../../core/golden.ts";
import { alertOf } from "../../flows/alert.ts";
import { deploy, type Outcome, rollback } from "../../flows/deploy.ts";
import { loadGolden, saveGolden } from "../../manifest/golden.ts";
import type { Plan } from "../../core/plan.ts";
import { brokenHop, type Trace } from "../../core/trace.ts";
import { proof, trace } from "../../flows/trace.ts";
import { machinesOf } from "../../flows/fleet.ts";
import { managedOf } from "../../flows/managed.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define, operandsOf, type Run } from "../command.ts";
import { planText } from "../screen/screen.ts";
import { chainText, proofText } from "../screen/trace.ts";
import { say, sayJson, tell } from "../screen/say.ts";
import { deployManaged, rollbackManaged } from "./managed.ts";
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
      const said = await manifestWithArgs(run, command);
      const manifest = run.flags.open === true ? { ...said, keys: "off" as const } : said;
      const managed = managedOf(manifest);
      if (managed !== undefined) return await deployManaged(run, managed, manifest);
      const outcomes = await deploy(manifest, optionsOf(run), run.context).catch(async (error: unknown) => {
        await alertOf(manifest, error, run.context);
        throw await nameHop(run, manifest, error);
      });
      await takeOver(manifest, outcomes);
      await report(run, manifest, outcomes);
    },
  );
}

/** The manifest with the image that the command line names, and with the container's arguments behind `--`. */
async function manifestWithArgs(run: Run<Flags>, command: Command): Promise<Manifest> {
  const { image, args } = operandsOf(command);
  const manifest = await run.manifest(image);
  return args.length === 0 ? manifest : { ...manifest, args };
}

/** Golden answers that were accepted go into their file: the next release is held to them. */
async function takeOver(manifest: Manifest, outcomes: readonly Outcome[]): Promise<void> {
  const accepted = outcomes.flatMap((outcome) => outcome.accepted);
  if (accepted.length === 0) return;
  const key = (golden: Golden): string => JSON.stringify(golden.request);
  const news = new Map(accepted.map((golden) => [key(golden), golden]));
  const file = await saveGolden(
    manifest,
    (await loadGolden(manifest)).map((golden) => news.get(key(golden)) ?? golden),
  );
  tell(`${file} has the new answers now; look at them, and commit them`);
}

/** A machine that cannot be reached: not a timeout, but the hop where the way to it breaks. */
async function nameHop(run: Run<Flags>, manifest: Manifest, error: unknown): Promise<unknown> {
  if (!(error instanceof Failure) || !error.code.startsWith("ssh.") || run.context.signal.aborted) return error;
  const [where] = machinesOf(manifest, run.flags.machine);
  const walked = await trace(
    { manifest, headers: {}, ...(where === undefined ? {} : { where }) },
    run.ssh,
    run.context,
  );
  const broken = brokenHop(walked);
  if (broken?.why === undefined || broken.fix === undefined) return error;
  return new Failure(error.code, error.message, {
    hint: broken.fix,
    details: [chainText(walked), broken.why, ...error.details],
    cause: error,
  });
}

/** The way from here to each machine's model, walked: the deploy's proof. What is wrong is told, and does not undo the deploy. */
async function proofs(run: Run<Flags>, manifest: Manifest, outcomes: readonly Outcome[]): Promise<Trace[]> {
  const wheres = machinesOf(manifest, run.flags.machine);
  return await Promise.all(
    outcomes.flatMap((outcome) => {
      const where = wheres.find((each) => each.name === outcome.machine);
      const { address, secured } = outcome;
      return where === undefined ? [] : proof({ manifest, where, address, secured, headers: {} }, run.ssh, run.context);
    }),
  );
}

export function addPlan(program: Command): void {
  const command = program
    .command("plan")
    .description("show what a deploy would change and do; changes nothing")
    .argument("[image]", "image instead of the manifest's")
    .argument("[args...]", "behind --: the container's arguments, instead of the manifest's args")
    .option("--port <n>", "port the API listens on, where there is no manifest");
  define<Flags>(command, ["dray plan", "dray plan --json"], async (run) => {
    const manifest = await manifestWithArgs(run, command);
    const managed = managedOf(manifest);
    if (managed !== undefined)
      return await deployManaged({ ...run, flags: { ...run.flags, dryRun: true } }, managed, manifest);
    const outcomes = await deploy(manifest, { ...optionsOf(run), dryRun: true }, run.context);
    if (run.flags.json === true) sayJson(outcomes.map(({ machine, plan }) => ({ machine, plan })));
    else for (const outcome of outcomes) say(planText(outcome.plan));
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
    const manifest = await run.manifest();
    const managed = managedOf(manifest);
    if (managed !== undefined) return await rollbackManaged(run, managed, manifest, release);
    await report(run, manifest, await rollback(manifest, release, optionsOf(run), run.context));
  });
}

function optionsOf(run: Run<Flags>): Parameters<typeof deploy>[1] {
  const { flags } = run;
  const ask =
    process.stdin.isTTY && process.stderr.isTTY && flags.yes !== true && flags.json !== true && flags.dryRun !== true;
  return {
    ssh: run.ssh,
    ...(flags.machine === undefined ? {} : { machine: flags.machine }),
    dryRun: flags.dryRun === true,
    now: flags.now === true,
    acceptGolden: flags.acceptGolden === true,
    startedAt: run.startedAt,
    ...(ask ? { confirm: oneByOne((plan) => confirmed(planText(plan))) } : {}),
  };
}

/** Several machines ask at once; a person answers one question at a time. */
function oneByOne(question: (plan: Plan) => Promise<boolean>): (plan: Plan) => Promise<boolean> {
  const limit = pLimit(1);
  return async (plan) => await limit(question, plan);
}

async function confirmed(text: string): Promise<boolean> {
  tell(text);
  const answer = await confirm({ message: "Go on?" });
  return !isCancel(answer) && answer;
}

async function report(run: Run<Flags>, manifest: Manifest, outcomes: readonly Outcome[]): Promise<void> {
  if (run.flags.dryRun !== true) await retireLater(run, manifest, run.flags.wait === true);
  const traces = run.flags.dryRun === true ? [] : await proofs(run, manifest, outcomes);
  run.screen.close();
  if (run.flags.json === true) {
    sayJson({
      outcomes: outcomes.map(({ plan, accepted: _accepted, ...outcome }) => ({
        ...outcome,
        ...(run.flags.dryRun === true ? { plan } : {}),
      })),
      ...(run.flags.dryRun === true ? {} : { traces }),
      totalMs: Math.round(performance.now()),
    });
    return;
  }
  for (const outcome of outcomes) {
    if (run.flags.dryRun === true) say(planText(outcome.plan));
    else
      say(
        `${outcome.service} ${outcome.release} serves at ${outcome.url}${outcome.servingMs === undefined ? "" : ` (after ${prettyMs(outcome.servingMs)})`}`,
      );
  }
  if (outcomes.some((outcome) => !outcome.secured) && run.flags.dryRun !== true && manifest.tls !== "off")
    tell("plain HTTP: anybody on the way can read it; with domain: in the manifest it is HTTPS by itself");
  for (const walked of traces) tell(proofText(walked));
}

export function urlOf(at: { address: string; port: number }): string {
  return `http://${at.address}${at.port === 80 ? "" : `:${at.port}`}`;
}
