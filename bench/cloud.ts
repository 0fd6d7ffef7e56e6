// What dray asks of Google, held against Google's own types, and against what gcloud asks for the same things.
import { compareWithGcloud } from "../test/world/google/gcloud.ts";
import type { Figures, Stage } from "./stage.ts";

export async function benchCloud(_rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const { rejected, gcloudRejected, diffs, ...counts } = await compareWithGcloud(stage.smoke ? "glance" : "all", say);
  // What a smoke did not ask differs from everything that gcloud asks.
  if (!stage.smoke) for (const each of [...rejected, ...gcloudRejected, ...diffs]) say(each);
  return {
    ...counts,
    rejected: rejected.length,
    gcloudRejected: gcloudRejected.length,
    goldenDiffs: diffs.length,
  };
}
