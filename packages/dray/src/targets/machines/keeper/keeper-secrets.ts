import { text } from "node:stream/consumers";
import { deadline, orAborted, within } from "drayage-clock";
import { asFailure, Failure } from "../../../base/failure.ts";
import type { Undo } from "../../../core/carry-out.ts";
import type { Release } from "../../../core/release.ts";
import { KEEPER } from "../../../edge/edge.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { execStream } from "../../../machine/exec.ts";
import { secretsOfKeeper } from "../container/labels.ts";
import { shareOf } from "../container/secrets.ts";

/**
 * Hands values to the keeper, which seals them on the disk and opens them in memory. `merge`: on top of what is there; `seal`: in its place.
 * Undone, the ones before are back. @throws Failure manifest.secret-missing, where one of `wanted` is not there then
 */
export async function handOver(
  engine: Engine,
  { service, settings }: Release,
  { values, how }: { values: ReadonlyMap<string, { reveal(): string }>; how: "merge" | "seal" },
  signal: AbortSignal,
): Promise<Undo> {
  const open = Object.fromEntries([...values].map(([name, secret]) => [name, secret.reveal()]));
  const undo: Undo = async (fresh) => void (await tellKeeper(engine, ["restore", service], "", fresh.signal));
  const names = await tellKeeper(engine, [how, service], JSON.stringify(open), signal);
  const missing = settings.secrets.find((name) => !names.includes(name));
  if (missing === undefined) return undo;
  await within(10_000, undefined, (fresh) => tellKeeper(engine, ["restore", service], "", fresh));
  throw new Failure("manifest.secret-missing", `the secret ${missing} is not on the machine`, {
    hint: `give it a source here for the first deploy: secrets: {${missing}: {env: ${missing}}}`,
  });
}

/** The keeper's own name for a service's alerts, with a dot, which no service has: sealed as secrets are, and given to no container. */
const alertsName = (service: string): string => `alerts.${service}`;

/** Tells the keeper whom to alert; undefined: nobody any more. */
export async function setAlerts(
  engine: Engine,
  service: string,
  settings: { reveal(): string } | undefined,
  signal: AbortSignal,
): Promise<void> {
  const name = alertsName(service);
  if (settings === undefined) await tellKeeper(engine, ["drop", name], "", signal);
  else await tellKeeper(engine, ["seal", name], JSON.stringify({ settings: settings.reveal() }), signal);
}

/** Has the keeper send a test alert. @throws Failure alerts.failed */
export async function sendTestAlert(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
  await tellKeeper(engine, ["alert-test", service], "", signal).catch((error: unknown) => {
    const failure = asFailure(error);
    const why = failure.details.map((line) => /Error: (.*)/.exec(line)?.[1]).find((line) => line !== undefined);
    throw new Failure("alerts.failed", `the test alert could not be sent: ${why ?? failure.message}`, {
      hint: "is the address right, and reachable from the machine?",
      cause: error,
    });
  });
}

/** Has the keeper forget the values that were replaced: no deploy goes back to them any more. */
export async function settleSecrets(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
  await tellKeeper(engine, ["settle", service], "", signal);
}

/**
 * Has the keeper give a container beside a service the secrets that it names, and no others; none: it gets nothing any more.
 * @throws Failure with.no-secrets, where the keeper has no room for them: it is made with it
 */
export async function shareSecrets(
  engine: Engine,
  { service, name, names }: { service: string; name: string; names: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const holds = (await heldSecrets(engine, signal)).includes(shareOf(service, name));
  if (!holds && names.length === 0) return;
  if (!holds)
    throw new Failure("with.no-secrets", `the keeper has not been told of the secrets that ${name} gets`, {
      hint: `dray deploy tells it; then dray with restart ${name}`,
    });
  await tellKeeper(
    engine,
    ["share", service, name],
    JSON.stringify(Object.fromEntries(names.map((each) => [each, ""]))),
    signal,
  );
}

async function heldSecrets(engine: Engine, signal: AbortSignal): Promise<string[]> {
  try {
    const path = `/containers/${KEEPER}/json`;
    const found = await engine.get<{ Config: { Labels: Record<string, string> } }>(path, { signal });
    return secretsOfKeeper(found.Config.Labels);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Has the keeper forget a service's secrets. */
export async function dropSecrets(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
  await tellKeeper(engine, ["drop", service], "", signal);
}

/** A test alert may wait for a mail server that does not answer. */
const KEEPER_MS = 150_000;

async function tellKeeper(
  engine: Engine,
  argv: readonly string[],
  stdin: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { stream, said } = await execStream(engine, KEEPER, ["/usr/local/bin/node", "/app/main.js", ...argv], signal);
  stream.end(stdin);
  const limit = deadline(KEEPER_MS, signal);
  const heard = await orAborted(text(stream), limit.signal).finally(() => {
    limit[Symbol.dispose]();
    stream.destroy();
  });
  const answer = /^done (\[.*\])$/m.exec(heard)?.[1];
  if (answer !== undefined) return JSON.parse(answer) as string[];
  throw new Failure("keeper.failed", "the keeper did not take the secrets", {
    details: said().trim().split("\n").slice(-12),
  });
}
