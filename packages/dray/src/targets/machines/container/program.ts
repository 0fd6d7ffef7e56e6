import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import type { Release, Settings } from "../../../core/release.ts";
import { type Engine, EngineError } from "../../../machine/engine.ts";
import { withVariables } from "./secrets.ts";

/** What an image says of its own program: the engine's `Config`. */
export interface ProgramConfig {
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Env?: string[] | null;
  ExposedPorts?: Record<string, object> | null;
}

/** Asks an engine what an image says of itself. */
export async function imageConfig(engine: Engine, image: string, context: Context): Promise<ProgramConfig> {
  const found = await engine.get<{ Config: ProgramConfig | null }>(`/images/${encodeURIComponent(image)}/json`, {
    signal: context.signal,
  });
  return found.Config ?? {};
}

/** Programs that must be process 1 and end at once where they are not: s6-overlay's, and systemd. */
const INITS = /^(\/init|\/sbin\/init|(.*\/)?(s6-svscan|systemd))$/;

/** Does the image bring an init that has to be process 1? */
export function bringsInit({ Entrypoint: entrypoint, Cmd: cmd }: ProgramConfig): boolean {
  return INITS.test([...(entrypoint ?? []), ...(cmd ?? [])][0] ?? "");
}

/**
 * What the container runs, as far as it is not simply what the image says; with a release's secrets the program is given
 * them first. @throws Failure image.no-command
 */
export function programOf(release: Release, config: ProgramConfig): { Entrypoint?: string[]; Cmd?: string[] } {
  const { command, args } = release.settings.run ?? {};
  const [entrypoint, cmd] = [config.Entrypoint ?? [], config.Cmd ?? []];
  // `docker run IMAGE ARGS` would take an image's CMD away; where that is its program, nothing would be left to run.
  const wanted = [
    ...(command ?? entrypoint),
    ...(command === undefined && entrypoint.length === 0 ? cmd : []),
    ...(args ?? (command === undefined && entrypoint.length > 0 ? cmd : [])),
  ];
  const argv = withVariables(release, wanted);
  if (argv.length === wanted.length && command === undefined && args === undefined) return {};
  if (wanted.length === 0)
    throw new Failure("image.no-command", `${release.image} does not say what to run`, {
      hint: "command: [PROGRAM, ...] in the manifest, or CMD in its Dockerfile",
    });
  return { Entrypoint: argv, Cmd: [] };
}

/** What every platform sets, and many images read: where the API is expected to listen. */
const DEFAULT_PORT = 8080;

/** The environment of a replica; a PORT that the manifest or the image names stays. */
export function environmentOf({ id, service, settings }: Release, config: ProgramConfig): string[] {
  const own = Object.entries(settings.env).map(([key, value]) => `${key}=${value}`);
  const said = settings.env["PORT"] !== undefined || settings.secrets.includes("PORT");
  return [
    ...(said ? [] : portVariable(settings.port, config)),
    ...traced(service, settings),
    ...own,
    `DRAY_RELEASE=${id}`,
  ];
}

/** OpenTelemetry's own variables: its libraries, and a model's server of ours, send their spans by them. */
function traced(service: string, { otel, env, secrets }: Settings): string[] {
  if (otel === undefined) return [];
  const said = { OTEL_EXPORTER_OTLP_ENDPOINT: otel.endpoint, OTEL_SERVICE_NAME: service };
  const isOwn = (name: string): boolean => env[name] !== undefined || secrets.includes(name);
  return Object.entries(said).flatMap(([name, value]) => (isOwn(name) ? [] : [`${name}=${value}`]));
}

function portVariable(port: number | undefined, { Env: env, ExposedPorts: exposed }: ProgramConfig): string[] {
  if (port !== undefined) return [`PORT=${port}`];
  if (env?.some((each) => each.startsWith("PORT=")) === true) return [];
  const [first] = Object.keys(exposed ?? {}).filter((each) => !each.endsWith("/udp"));
  return [`PORT=${first === undefined ? DEFAULT_PORT : Number.parseInt(first, 10)}`];
}

/** Why an engine would not make or start a replica, where that is what the manifest asks of it. */
export function explainRefusedContainer(error: unknown, { settings, image }: Release, machine: string): unknown {
  if (!(error instanceof EngineError)) return error;
  const said = error.message;
  const { run, limits } = settings;
  const [, folder] = /bind source path does not exist: (\S+)/.exec(said) ?? [];
  if (folder !== undefined)
    return new Failure("machine.no-folder", `${machine} has no folder ${folder}`, {
      hint: `ssh ${machine} sudo mkdir -p ${folder}; or leave from: out, and the volume is made`,
      details: [said],
      cause: error,
    });
  if (run?.runtime !== undefined && /runtime/i.test(said))
    return new Failure("machine.no-runtime", `the engine of ${machine} has no runtime ${run.runtime}`, {
      hint: `docker info lists its runtimes; install it there, or leave runtime: out`,
      details: [said],
      cause: error,
    });
  if (limits.disk !== undefined && /storage-opt|pquota|quota/i.test(said))
    return new Failure("machine.no-disk-limit", `the engine of ${machine} cannot limit a container's disk`, {
      hint: "it can where /var/lib/docker lies on xfs mounted with pquota; or leave limits.disk out",
      details: [said],
      cause: error,
    });
  if (/executable file not found|no such file or directory/i.test(said) && run?.command !== undefined)
    return new Failure("image.no-command", `${image} has no program ${run.command[0]}`, {
      hint: "command: names a program in the image, by its path or by a name in the image's PATH",
      details: [said],
      cause: error,
    });
  if (run?.user !== undefined && /unable to find user|no matching entries in passwd/i.test(said))
    return new Failure("image.no-user", `${image} has no user ${run.user}`, {
      hint: "a number needs no entry in its /etc/passwd: user: 1000",
      details: [said],
      cause: error,
    });
  return error;
}
