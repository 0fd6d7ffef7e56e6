import { createHash } from "node:crypto";
import type { Beside } from "../../../core/release.ts";
import { CAGE, limitsOf, volumeMounts } from "./container.ts";
import type { ProgramConfig } from "./program.ts";
import { secretMounts, shareOf, withVariablesOf } from "./secrets.ts";

/** The role of a container beside a service's replicas. */
export const WITH = "with";
/** Its name in the manifest, by which replicas reach it. */
export const WITH_LABEL = "dray.with";
/** What it was made from. */
export const SPEC_LABEL = "dray.spec";

export const besideName = (service: string, name: string): string => `dray-${service}-with-${name}`;

/** Tells one thing that the manifest says of a container from another. One with secrets has a share of its own. */
export function specOf(beside: Beside): string {
  return beside.secrets === undefined ? digestOf(beside) : digestOf({ ...beside, share: true });
}

/** Was it made by an older dray, and sees all secrets of its service? */
export function seesAll(beside: Beside, spec: string): boolean {
  return beside.secrets !== undefined && spec === digestOf(beside);
}

function digestOf(said: object): string {
  return createHash("sha256").update(JSON.stringify(said)).digest("hex").slice(0, 12);
}

/** What is to be made, where: in a service's network, by its name in the manifest. */
export interface BesideWanted {
  service: string;
  network: string;
  name: string;
  beside: Beside;
}

/** What it runs; with secrets the program is given them first, so the image's own has to be known. */
function programOf({ command, args, secrets = [] }: Beside, config: ProgramConfig): object {
  if (secrets.length > 0) {
    const own = command ?? config.Entrypoint ?? [];
    const rest = args ?? (command === undefined ? (config.Cmd ?? []) : []);
    return { Entrypoint: withVariablesOf(secrets, [...own, ...rest]), Cmd: [] };
  }
  if (command !== undefined) return { Entrypoint: command, Cmd: args ?? [] };
  return args === undefined ? {} : { Cmd: args };
}

/** The body of POST /containers/create: in the service's network by its name, published nowhere, back after a crash or a reboot. */
export function besideContainer({ service, network, name, beside }: BesideWanted, config: ProgramConfig = {}): object {
  const { image, user, env = {}, secrets = [], volumes, limits = {} } = beside;
  return {
    Image: image,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ...programOf(beside, config),
    ...(user === undefined ? {} : { User: user }),
    Labels: { "dray.role": WITH, "dray.service": service, [WITH_LABEL]: name, [SPEC_LABEL]: specOf(beside) },
    HostConfig: {
      ...CAGE,
      ...limitsOf(limits),
      // No replica's volume can be called so: a dot is no part of a name.
      Mounts: [
        ...(secrets.length > 0 ? secretMounts(shareOf(service, name), true) : []),
        ...volumeMounts(service, volumes, `${name}.`),
      ],
      NetworkMode: network,
      RestartPolicy: { Name: "always" },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [name] } } },
  };
}
