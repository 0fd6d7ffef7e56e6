import * as z from "zod";

const commands = z.array(z.string().min(1)).default([]);

export const hooksKey = z
  .strictObject({
    deployed: commands.describe("After a deploy or a rollback that went through."),
    failed: commands.describe("After one that did not; the old release serves."),
  })
  .prefault({})
  .describe(
    "Commands of this computer, run by its shell in the manifest's folder, with what happened as JSON on their standard input: `{deployed: [./tell-the-team.sh]}`. One that fails or takes more than a minute is told, and changes nothing.",
  );
