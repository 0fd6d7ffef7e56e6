import { Command } from "commander";
import { addAlerts } from "./commands/alerts.ts";
import { addBatch } from "./commands/batch.ts";
import { addCheck } from "./commands/check.ts";
import { addCompare } from "./commands/compare.ts";
import { addDeploy, addPlan, addRollback } from "./commands/deploy.ts";
import { addRetire } from "./commands/retire.ts";
import { addSecrets } from "./commands/secrets.ts";
import { addGolden } from "./commands/golden.ts";
import { addInit } from "./commands/init.ts";
import { addLogs } from "./commands/logs.ts";
import { addExec, addRemove, addStatus } from "./commands/look.ts";
import { addPush } from "./commands/push.ts";
import { addMetrics } from "./commands/metrics.ts";
import { addKeys } from "./commands/keys.ts";
import { addMachine } from "./commands/machine.ts";
import { addShadow } from "./commands/shadow.ts";
import { addRequests } from "./commands/requests.ts";
import { addServe } from "./commands/serve.ts";
import { addTrace } from "./commands/trace.ts";
import { addOpen, addRequest } from "./commands/request.ts";

const VERSION = "0.1.0";

/** Every command; docs/cli.md is made from this. */
export function makeProgram(): Command {
  const program = new Command("dray")
    .description("From a model's API on a laptop to a production endpoint on plain VMs, over SSH.")
    .version(VERSION)
    .showHelpAfterError("(dray --help lists the commands)");
  for (const add of [
    addInit,
    addPlan,
    addDeploy,
    addRollback,
    addStatus,
    addLogs,
    addMetrics,
    addAlerts,
    addRequests,
    addCheck,
    addCompare,
    addRequest,
    addBatch,
    addGolden,
    addShadow,
    addKeys,
    addSecrets,
    addTrace,
    addOpen,
    addPush,
    addExec,
    addRemove,
    addServe,
    addMachine,
    addRetire,
  ])
    add(program);
  return program;
}
