import * as z from "zod";
import type { Beside, Volume } from "../core/release.ts";
import { argv, inside, outsidePath, user } from "./container.ts";
import { limits, name, secretName } from "./parts.ts";

const written = (at: string): Volume => ({ at, write: true });
/** What such a container keeps is its own: it may write to it unless the manifest says otherwise. */
const volume = z.union([
  inside.transform(written),
  z
    .strictObject({ at: inside, from: outsidePath.optional(), write: z.boolean().default(true) })
    .transform(({ at, from, write }): Volume => ({ at, write, ...(from === undefined ? {} : { from }) })),
]);

const { memory, cpus, shm, pids, nofile } = limits.shape;

const beside = z
  .strictObject({
    image: z.string().min(1).describe("Its image: of the machine, of this computer, or pulled by the machine."),
    command: argv.min(1).optional().describe("Program and first arguments, instead of the image's."),
    args: argv.optional().describe("Arguments after the command, or after the image's ENTRYPOINT."),
    user: user.optional().describe("User in the container."),
    env: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
      .optional()
      .describe("Environment; the engine keeps it in plain text."),
    secrets: z
      .array(secretName)
      .min(1)
      .optional()
      .describe(
        "Names out of the service's `secrets:` that it gets as environment variables, too: those and no others.",
      ),
    volumes: z
      .record(name, volume)
      .optional()
      .describe("Folders that stay when the container is made anew: `{data: /data}`; it may write to them."),
    limits: z
      .strictObject({ memory, cpus, shm: shm.unwrap().optional(), pids: pids.unwrap().optional(), nofile })
      .optional()
      .describe("Limits of this container."),
  })
  .transform(
    (said): Beside => Object.fromEntries(Object.entries(said).filter(([, each]) => each !== undefined)) as never,
  );

/** A secret has one source, that of the service: what a container beside it is given must be there. */
export function unknownSecrets(manifest: {
  with?: Record<string, Beside> | undefined;
  secrets: Record<string, unknown>;
}): { at: string[]; message: string }[] {
  return Object.entries(manifest.with ?? {}).flatMap(([called, { secrets = [] }]) =>
    secrets
      .filter((each) => manifest.secrets[each] === undefined)
      .map((each) => ({
        at: ["with", called, "secrets"],
        message: `${each} has no source: secrets: {${each}: {env: ${each}}} beside with:`,
      })),
  );
}

export const companionKeys = {
  with: z
    .record(name, beside)
    .optional()
    .describe(
      'Containers beside the replicas, by the name under which the API reaches them: `{cache: {image: "redis:7", volumes: {data: /data}}}`. They are started before the first replica, reached from this service\'s network only, and never replaced by a deploy: `dray with restart NAME` makes one anew as the manifest says. They go with the service; what they wrote stays.',
    ),
};
