import { expect, test } from "vitest";
import { compareWithGcloud } from "../world/google/gcloud.ts";

// A machine is made, stopped and started, and a model deployed twice.
test(
  "what dray asks of Google is what gcloud asks for the same things, and in Google's own types",
  { timeout: 600_000 },
  async () => {
    const found = await compareWithGcloud("ours", () => undefined);
    expect(found).toMatchObject({ rejected: [], gcloudRejected: [], diffs: [] });
    expect(found.requestsChecked).toBeGreaterThan(found.goldens);
    expect(found.goldens).toBeGreaterThan(10);
  },
);
