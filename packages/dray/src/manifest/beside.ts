import { argv } from "./container.ts";

/** The manifest's keys about programs that run beside the API's replicas, or before them. */
export const besideKeys = {
  before: argv
    .min(1)
    .optional()
    .describe(
      "Program that runs once in a container of the new image, before the first replica starts and while the old release serves: `[python, migrate.py]`. It gets the service's environment, secrets and volumes; when it ends with another code than 0 the deploy ends, too. A deploy that was killed runs it again, so it must bear to run twice. A rollback does not run it.",
    ),
};
