import { text } from "node:stream/consumers";
import { deadline, orAborted, within } from "drayage-clock";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Undo } from "../../core/carry-out.ts";
import { OWN_SHELL } from "../../core/own-shell.ts";
import type { Release } from "../../core/release.ts";
import { KEEPER } from "../../edge/edge.ts";
import type { Engine } from "../../machine/engine.ts";
import { execStream } from "../../machine/exec.ts";

/** Where a container finds its secrets, a file each. */
const SECRETS_PATH = "/run/secrets";
/** The keeper's own view: a folder for each service. */
export const KEEPER_SECRETS = "/run/dray-secrets";

/** A service's secrets, in the machine's memory: a tmpfs that is there while somebody has it mounted. */
export const secretsVolume = (service: string): string => `dray-secrets-${service}`;

/** Makes a service's volume in memory; safe to do twice. */
export async function makeSecretsVolume(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
  await engine.post("/volumes/create", {
    body: {
      Name: secretsVolume(service),
      Driver: "local",
      DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=4m,mode=0755" },
      Labels: { "dray.role": "secrets", "dray.service": service },
    },
    signal,
  });
}

/**
 * Hands values to the keeper, which seals them on the disk and opens them in memory. `merge`: on top of what is there.
 * Undone, the ones before are back. @throws Failure manifest.secret-missing, where one of `wanted` is not there then
 */
export async function handOver(
  engine: Engine,
  { service, settings }: Release,
  values: ReadonlyMap<string, { reveal(): string }>,
  merge: boolean,
  signal: AbortSignal,
): Promise<Undo> {
  const open = Object.fromEntries([...values].map(([name, secret]) => [name, secret.reveal()]));
  const undo: Undo = async (fresh) => void (await tellKeeper(engine, ["restore", service], "", fresh.signal));
  const names = await tellKeeper(engine, [merge ? "merge" : "seal", service], JSON.stringify(open), signal);
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
export async function testAlerts(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
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

/** Removes the volumes of a machine's secrets, once nobody has them mounted. */
export async function removeSecretsVolumes(engine: Engine, signal: AbortSignal): Promise<void> {
  const { Volumes: volumes } = await engine.get<{ Volumes: { Name: string }[] | null }>("/volumes", {
    query: { filters: { label: ["dray.role=secrets"] } },
    signal,
  });
  for (const { Name } of volumes ?? []) await engine.call("DELETE", `/volumes/${Name}`, { signal });
}

/** Where a container finds our own shell. */
const SHELL_PATH = "/run/dray";
const SHELL = `${SHELL_PATH}/${OWN_SHELL.program}`;

/**
 * Waits until the secrets are there (a boot may start the replica first), and becomes the program. `$(...)` drops line
 * breaks at the end, so one letter more is read and taken away: values arrive byte for byte.
 */
const SCRIPT = (names: readonly string[], tool: string): string =>
  `_dray_i=0; until [ -f ${SECRETS_PATH}/.ready ] || [ $_dray_i -ge 600 ]; do _dray_i=$((_dray_i+1)); ${tool}sleep 0.1; done; ` +
  `for _dray_n in ${names.join(" ")}; do _dray_v="$(${tool}cat "${SECRETS_PATH}/$_dray_n"; echo x)"; ` +
  `export "$_dray_n=\${_dray_v%x}"; done; exec "$@"`;

/** The names that a release wants as environment variables. */
function variablesOf({ settings }: Release): string[] {
  return settings.secrets.filter((name) => settings.secretFiles?.includes(name) !== true);
}

/** The argv that gives a program a release's secrets as environment variables, which no file of the engine's then holds. */
export function withVariables(release: Release, argv: readonly string[]): string[] {
  const names = variablesOf(release);
  if (names.length === 0) return [...argv];
  const [shell, tool] = release.settings.ownShell === true ? [[SHELL, "sh"], `${SHELL} `] : [["/bin/sh"], ""];
  return [...shell, "-c", SCRIPT(names, tool), "dray", ...argv];
}

/** What a container gets to have a release's secrets. */
export interface Mounted {
  mounts: object[];
  /** Where those are that it gets as files only. */
  env: string[];
}

/** The mounts and variables of a release's secrets; nothing where it has none. */
export function secretsOf({ service, settings }: Release): Mounted {
  if (settings.secrets.length === 0) return { mounts: [], env: [] };
  const secrets = { Type: "volume", Source: secretsVolume(service), Target: SECRETS_PATH, ReadOnly: true };
  const shell = { Type: "volume", Source: OWN_SHELL.volume, Target: SHELL_PATH, ReadOnly: true };
  return {
    mounts: settings.ownShell === true ? [secrets, shell] : [secrets],
    env: (settings.secretFiles ?? []).map((name) => `${name}_FILE=${SECRETS_PATH}/${name}`),
  };
}
