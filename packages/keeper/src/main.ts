#!/usr/bin/env node
import { text } from "node:stream/consumers";
import { deadline, orAborted } from "drayage-clock";
import { testAlert } from "./alerts/alerts.ts";
import { runFetch } from "./fetch/run.ts";
import { keep } from "./keep.ts";
import { ward } from "./warden/warden.ts";
import { Secrets } from "./secrets.ts";
import { moveIn, vaultOf } from "./vault.ts";

const HOME = process.env["DRAY_HOME"] ?? "/var/lib/dray";
const OWN = process.env["DRAY_VAULT"] ?? HOME;
const PATIENCE_MS = 60_000;
const [, , command, service = "", beside = ""] = process.argv;
// In a container of its own, which has the weights' volume and nothing else.
if (command === "fetch")
  process.exit((await runFetch("/weights", process.stdin, (line) => process.stdout.write(line))) ? 0 : 1);
if (command === undefined) {
  // Without room to move they stay where they are, and everything else begins all the same.
  await moveIn(HOME, OWN).catch((error: unknown) =>
    process.stdout.write(`secrets stay in ${HOME}: ${String(error)}\n`),
  );
}
const secrets = new Secrets(await vaultOf(HOME, OWN));

/** The values, as they come by standard input. An engine may keep it open when the link to whoever writes there is gone. */
async function given(): Promise<Record<string, string>> {
  using limit = deadline(PATIENCE_MS);
  return JSON.parse(await orAborted(text(process.stdin), limit.signal)) as Record<string, string>;
}

/** What dray runs beside the keeper, in its container: values come by standard input, never as arguments. */
const COMMANDS: Record<string, () => Promise<void>> = {
  seal: async () => await secrets.seal(service, await given(), false),
  merge: async () => await secrets.seal(service, await given(), true),
  settle: async () => await secrets.settle(service),
  "alert-test": async () => {
    const problems = await testAlert(secrets, service);
    if (problems.length > 0) throw new Error(problems.join("; "));
  },
  ward: async () => await ward(HOME),
  share: async () => await secrets.share(service, beside, Object.keys(await given())),
  drop: async () => await secrets.drop(service),
  restore: async () => await secrets.restore(service),
};

if (command === undefined) {
  await keep(HOME, OWN === HOME ? undefined : OWN, secrets);
} else {
  const act = COMMANDS[command];
  if (act === undefined) throw new Error(`unknown command ${command}`);
  await act();
  process.stdout.write(`done ${JSON.stringify(await secrets.names(service))}\n`);
}
process.exit(0);
