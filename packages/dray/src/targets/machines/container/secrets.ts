import { OWN_SHELL } from "../../../core/own-shell.ts";
import type { Release } from "../../../core/release.ts";
import type { Engine } from "../../../machine/engine.ts";

/** Where a container finds its secrets, a file each. */
const SECRETS_PATH = "/run/secrets";
/** The keeper's own view: a folder for each service. */
export const KEEPER_SECRETS = "/run/dray-secrets";

/**
 * Under this name the keeper has what a container beside a service gets: no service's name has a dot in it. By the
 * keeper's own rule.
 */
export const shareOf = (service: string, beside: string): string => `with.${service}.${beside}`;

/** Secrets of a service, or a share of them, in the machine's memory: a tmpfs that is there while somebody has it mounted. */
export const secretsVolume = (holder: string): string => `dray-secrets-${holder}`;

/** Makes the volume in memory of a service or a share; safe to do twice. */
export async function makeSecretsVolume(engine: Engine, holder: string, signal: AbortSignal): Promise<void> {
  await engine.post("/volumes/create", {
    body: {
      Name: secretsVolume(holder),
      Driver: "local",
      DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=4m,mode=0755" },
      Labels: { "dray.role": "secrets", "dray.service": holder },
    },
    signal,
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
  return given(variablesOf(release), release.settings.ownShell === true, argv);
}

function given(names: readonly string[], ownShell: boolean, argv: readonly string[]): string[] {
  if (names.length === 0) return [...argv];
  const [shell, tool] = ownShell ? [[SHELL, "sh"], `${SHELL} `] : [["/bin/sh"], ""];
  return [...shell, "-c", SCRIPT(names, tool), "dray", ...argv];
}

/** The same for a container beside the replicas, by our own shell: nothing is known of its image. */
export function withVariablesOf(names: readonly string[], argv: readonly string[]): string[] {
  return given(names, true, argv);
}

/** What a container needs to read the secrets of a service, or its share of them. */
export function secretMounts(holder: string, ownShell: boolean): object[] {
  const secrets = { Type: "volume", Source: secretsVolume(holder), Target: SECRETS_PATH, ReadOnly: true };
  const shell = { Type: "volume", Source: OWN_SHELL.volume, Target: SHELL_PATH, ReadOnly: true };
  return ownShell ? [secrets, shell] : [secrets];
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
  return {
    mounts: secretMounts(service, settings.ownShell === true),
    env: (settings.secretFiles ?? []).map((name) => `${name}_FILE=${SECRETS_PATH}/${name}`),
  };
}
