import { createHash } from "node:crypto";
import type { Beside } from "../../../core/release.ts";
import { CAGE, limitsOf, volumeMounts } from "./container.ts";

/** The role of a container beside a service's replicas. */
export const WITH = "with";
/** Its name in the manifest, by which replicas reach it. */
export const WITH_LABEL = "dray.with";
/** What it was made from. */
export const SPEC_LABEL = "dray.spec";

export const besideName = (service: string, name: string): string => `dray-${service}-with-${name}`;

/** Tells one thing that the manifest says of a container from another. */
export function specOf(beside: Beside): string {
  return createHash("sha256").update(JSON.stringify(beside)).digest("hex").slice(0, 12);
}

/** The body of POST /containers/create: in the service's network by its name, published nowhere, back after a crash or a reboot. */
export function besideContainer(service: string, network: string, name: string, beside: Beside): object {
  const { image, command, args, user, env = {}, volumes, limits = {} } = beside;
  return {
    Image: image,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    ...(command === undefined ? {} : { Entrypoint: command, Cmd: args ?? [] }),
    ...(command === undefined && args !== undefined ? { Cmd: args } : {}),
    ...(user === undefined ? {} : { User: user }),
    Labels: { "dray.role": WITH, "dray.service": service, [WITH_LABEL]: name, [SPEC_LABEL]: specOf(beside) },
    HostConfig: {
      ...CAGE,
      ...limitsOf(limits),
      // No replica's volume can be called so: a dot is no part of a name.
      Mounts: volumeMounts(service, volumes, `${name}.`),
      NetworkMode: network,
      RestartPolicy: { Name: "always" },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [name] } } },
  };
}
