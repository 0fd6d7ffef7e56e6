import { isIP } from "node:net";
import * as z from "zod";
import type { Volume } from "../core/release.ts";
import { name } from "./parts.ts";

/** No shell reads it: each part of the list is one argument, as in Docker's and Kubernetes' own lists. */
export const argv = z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String));
/** A name or number of the image's own users, and a group: what `docker run --user` takes. */
export const user = z
  .union([z.number().int().nonnegative().transform(String), z.string()])
  .refine((said) => /^[\w.-]+(:[\w.-]+)?$/.test(said), "expected a user such as 1000, app or 1000:1000");
const hostName = z
  .string()
  .regex(/^(?!-)[a-zA-Z0-9_-]{1,63}(\.(?!-)[a-zA-Z0-9_-]{1,63})*$/, "expected a host name, such as db.internal");
/** The engine puts the address of the machine itself in the place of this one. */
const MACHINE_ITSELF = "host-gateway";
const address = z
  .string()
  .refine((said) => isIP(said) !== 0 || said === MACHINE_ITSELF, `expected an IP address, or ${MACHINE_ITSELF}`);

export const inside = z.string().regex(/^\/(?!.*\/\.\.(\/|$)).+$/, "expected a path in the container, such as /data");
/** A folder of the machine, or a volume that its engine knows already. */
export const outsidePath = z
  .string()
  .regex(
    /^(\/(?!.*\/\.\.(\/|$)).*|[a-zA-Z0-9][\w.-]+)$/,
    "expected a folder of the machine such as /srv/models, or a volume's name",
  );
const volume = z.union([
  inside.transform((at): Volume => ({ at })),
  z
    .strictObject({
      at: inside.describe("Where the container finds it."),
      from: outsidePath
        .optional()
        .describe("A folder of the machine, or a volume that is there; left out: one of the service's own."),
      write: z.boolean().default(false).describe("The container may write to it."),
    })
    .transform(({ at, from, write }): Volume => ({
      at,
      ...(from === undefined ? {} : { from }),
      ...(write ? { write } : {}),
    })),
]);

/** The manifest's keys about the container itself, beside its limits. */
export const containerKeys = {
  command: argv
    .min(1)
    .optional()
    .describe(
      "Program of the container and its first arguments, instead of the image's own: `[vllm, serve]`. It is run without a shell.",
    ),
  args: argv
    .optional()
    .describe(
      "Arguments after the command, or after the image's ENTRYPOINT, in the place of its CMD. Where an image has no ENTRYPOINT they come after its CMD.",
    ),
  user: user.optional().describe("User in the container, instead of the image's: `1000`, `app`, `1000:1000`."),
  init: z
    .boolean()
    .optional()
    .describe(
      "Run the engine's init as process 1, which ends orphans and passes signals on; left out, it is there unless the image brings its own (s6-overlay, systemd).",
    ),
  readOnly: z
    .boolean()
    .optional()
    .describe("Mount the container's root read-only, with 64 MB of memory at /tmp; a model's own server runs so."),
  runtime: z
    .string()
    .regex(/^[a-zA-Z0-9][\w.-]*$/, "expected the name of a runtime, such as runsc")
    .optional()
    .describe("Container runtime that the machine's engine knows, such as `runsc` (gVisor)."),
  hosts: z
    .record(hostName, address)
    .optional()
    .describe("Lines of /etc/hosts: `{db.internal: 10.0.0.5}`; `host-gateway` stands for the machine itself."),
  volumes: z
    .record(name, volume)
    .optional()
    .describe(
      "Folders that outlive releases: `{data: /data}`, or `{data: {at: /data, from: /srv/data, write: true}}`; read-only unless `write` says otherwise. With `write`, a new release writes beside the old one for a while: where the program cannot share it, `rollout: {order: stop-first}`.",
    ),
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9+]+$/, "expected a signal such as SIGQUIT")
    .optional()
    .describe("Signal that asks the program to end, instead of the image's STOPSIGNAL."),
};
