import * as z from "zod";
import { path } from "./parts.ts";

/** As `ready:` says it: the engine asks the image's own HEALTHCHECK. */
const HEALTHCHECK = "healthcheck";

export const ready = z
  .union([z.literal(HEALTHCHECK), path])
  .optional()
  .describe(
    "Path that answers 2xx or 3xx when the API is ready; `/` when left out (then any answer below 500 will do). `healthcheck`: a release is ready when the image's HEALTHCHECK says healthy.",
  );

interface Said {
  ready?: string | undefined;
}

/** The path on which the API says that it is ready; undefined where no path says it. */
export function readyPath({ ready: said }: Said): string | undefined {
  return said === HEALTHCHECK ? undefined : said;
}

/** Does the image's HEALTHCHECK say when it is ready? */
export function byHealthcheck({ ready: said }: Said): boolean {
  return said === HEALTHCHECK;
}
