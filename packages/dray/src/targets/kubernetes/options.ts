import * as z from "zod";
import type { Place } from "../../contract/place.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { onlyHttp } from "../../manifest/protocol.ts";
import type { TargetPart } from "../../manifest/target-part.ts";

const settings = z.strictObject({
  context: z.string().optional().describe("Context of the kubeconfig; the current one when left out."),
  namespace: z.string().optional().describe("Namespace; the context's when left out. It must be there."),
  gateway: z
    .string()
    .regex(/^([a-z0-9-]+\/)?[a-z0-9.-]+$/, "expected NAME or NAMESPACE/NAME")
    .optional()
    .describe("Gateway that clients come through, `NAME` or `NAMESPACE/NAME`; the only one there is when left out."),
  address: z
    .url()
    .optional()
    .describe("Where clients reach the Gateway, when its own status does not say: `http://10.0.0.5:30080`."),
  maxReplicas: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("Pods at most: above `replicas`, an autoscaler adds pods when they are busy."),
  pullSecret: z.string().optional().describe("Secret of the namespace with the login of the image's registry."),
  serviceAccount: z.string().optional().describe("Account that the pods act as; none, and no token, when left out."),
  standby: z
    .boolean()
    .default(true)
    .describe("Keep the pods of the release before: a rollback takes under a second, and costs their room."),
});

export type KubeSettings = z.infer<typeof settings>;

/** What dray.yaml says of this target. */
export const part: TargetPart = {
  kind: "kubernetes",
  title: "a namespace of a Kubernetes cluster",
  options: settings.prefault({}).describe("How it runs on Kubernetes, where that is the target."),
  problems: (manifest) => onlyHttp(manifest, "Kubernetes"),
};

/** A manifest's settings for it, with defaults. */
export function kubeSettingsOf({ parts }: Pick<Manifest, "parts">): KubeSettings {
  return settings.parse(parts[part.kind] ?? {});
}

/** The one place: a namespace, of a context. Neither is known before the kubeconfig is read, where the manifest leaves them out. */
export function placeOf(manifest: Pick<Manifest, "parts">): Place {
  const { context = "", namespace = "" } = kubeSettingsOf(manifest);
  const name = [context, namespace].filter((each) => each !== "").join("/");
  return { name: name === "" ? "cluster" : name, at: `${context}/${namespace}` };
}

/** A place's context and namespace. Contexts may have slashes in their names, namespaces none. */
export function whereIs({ at }: Place): { context?: string; namespace?: string } {
  const cut = at.lastIndexOf("/");
  const [context, namespace] = [at.slice(0, cut), at.slice(cut + 1)];
  return { ...(context === "" ? {} : { context }), ...(namespace === "" ? {} : { namespace }) };
}
