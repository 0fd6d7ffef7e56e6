import { Command } from "commander";
import { VERSION } from "./version.ts";

type Add = (program: Command) => void;

/** Every command and where it is made, in the order of `dray --help`. A run loads only the one that was typed. */
const COMMANDS: Record<string, () => Promise<Add>> = {
  init: async () => (await import("./commands/init.ts")).addInit,
  plan: async () => (await import("./commands/deploy.ts")).addPlan,
  deploy: async () => (await import("./commands/deploy.ts")).addDeploy,
  rollback: async () => (await import("./commands/deploy.ts")).addRollback,
  promote: async () => (await import("./commands/deploy.ts")).addPromote,
  status: async () => (await import("./commands/look.ts")).addStatus,
  runs: async () => (await import("./commands/runs.ts")).addRuns,
  logs: async () => (await import("./commands/logs.ts")).addLogs,
  metrics: async () => (await import("./commands/metrics.ts")).addMetrics,
  alerts: async () => (await import("./commands/alerts.ts")).addAlerts,
  requests: async () => (await import("./commands/requests.ts")).addRequests,
  drift: async () => (await import("./commands/requests.ts")).addDrift,
  check: async () => (await import("./commands/check.ts")).addCheck,
  compare: async () => (await import("./commands/compare.ts")).addCompare,
  request: async () => (await import("./commands/request.ts")).addRequest,
  batch: async () => (await import("./commands/batch.ts")).addBatch,
  golden: async () => (await import("./commands/golden.ts")).addGolden,
  shadow: async () => (await import("./commands/shadow.ts")).addShadow,
  keys: async () => (await import("./commands/keys.ts")).addKeys,
  with: async () => (await import("./commands/with.ts")).addWith,
  secrets: async () => (await import("./commands/secrets.ts")).addSecrets,
  trace: async () => (await import("./commands/trace.ts")).addTrace,
  open: async () => (await import("./commands/request.ts")).addOpen,
  push: async () => (await import("./commands/push.ts")).addPush,
  console: async () => (await import("./commands/console.ts")).addConsole,
  exec: async () => (await import("./commands/look.ts")).addExec,
  remove: async () => (await import("./commands/look.ts")).addRemove,
  serve: async () => (await import("./commands/serve.ts")).addServe,
  machine: async () => (await import("./commands/machine.ts")).addMachine,
  doctor: async () => (await import("./commands/doctor.ts")).addDoctor,
  upgrade: async () => (await import("./commands/upgrade.ts")).addUpgrade,
  completion: async () => (await import("./commands/completion.ts")).addCompletion,
  retire: async () => (await import("./commands/retire.ts")).addRetire,
};

/** The name of the command in a command line, when it begins with one. */
export function commandIn(argv: readonly string[]): string | undefined {
  const [first = ""] = argv;
  return Object.hasOwn(COMMANDS, first) ? first : undefined;
}

/** The program with every command, or with one of them alone; docs/cli.md is made from the first. */
export async function makeProgram(only?: string): Promise<Command> {
  const program = new Command("dray")
    .description("From a model's API on a laptop to a production endpoint on plain VMs, over SSH.")
    .version(VERSION)
    .showHelpAfterError("(dray --help lists the commands)");
  const wanted = Object.entries(COMMANDS).filter(([name]) => only === undefined || name === only);
  // All are loaded at once, and added in their order.
  for (const add of await Promise.all(wanted.map(async ([, load]) => await load()))) add(program);
  return program;
}
