import * as z from "zod";
import { onlyHttp } from "../../manifest/protocol.ts";
import type { TargetPart } from "../../manifest/target-part.ts";
import { path } from "../../manifest/parts.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { VertexSettings } from "./resources.ts";

const settings = z.strictObject({
  project: z.string().optional().describe("Google Cloud project; of the environment, or gcloud's, when left out."),
  region: z.string().default("us-central1").describe("Region."),
  machineType: z.string().default("n1-standard-2").describe("Machine type of a node."),
  minReplicas: z.number().int().min(1).default(1).describe("Nodes that are there, and paid for, all the time."),
  maxReplicas: z.number().int().min(1).default(1).describe("Nodes at most."),
  accelerator: z
    .strictObject({ type: z.string(), count: z.number().int().min(1).default(1) })
    .optional()
    .describe("A GPU of each node: `{type: NVIDIA_TESLA_T4, count: 1}`."),
  serviceAccount: z.string().optional().describe("Account that the container acts as."),
  route: path
    .optional()
    .describe("Path of the API that a prediction is sent to; the golden request's, or `/decisions`, when left out."),
  standby: z
    .boolean()
    .default(true)
    .describe("Keep the release before deployed: a rollback takes seconds instead of minutes, and costs its nodes."),
});

/** What dray.yaml says of this target. */
export const part: TargetPart = {
  kind: "vertex",
  title: "Google's Vertex AI",
  options: settings.prefault({}).describe("How it runs on Vertex AI, where that is the target."),
  problems: (manifest) => onlyHttp(manifest, "Vertex AI"),
};

/** A manifest's settings for it, with defaults. */
export function settingsOf({ parts }: Pick<Manifest, "parts">): VertexSettings {
  return settings.parse(parts[part.kind] ?? {});
}
