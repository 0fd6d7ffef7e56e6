import { asFailure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import type { KubeObject } from "./client/kinds.ts";

/** What the cluster says of an object, as far as it matters here. */
export interface EventObject extends KubeObject {
  reason?: string;
  message?: string;
  involvedObject?: { kind?: string; name?: string };
}

/** Warnings about pods, as the cluster tells them; none where they cannot be read, since they only explain. @throws Failure interrupted */
export async function warningsOf(kube: Kube, pods: readonly KubeObject[]): Promise<EventObject[]> {
  const names = new Set(pods.map(({ metadata }) => metadata.name));
  const fields = "involvedObject.kind=Pod,type=Warning";
  const { items } = await kube.list<EventObject>("Event", { fields }).catch((error: unknown) => {
    if (asFailure(error).code === "interrupted") throw error;
    return { items: [] };
  });
  return items.filter(({ involvedObject }) => names.has(involvedObject?.name ?? ""));
}

/** The kubelet's own words about a probe that fails, without the parts that every one of them has. */
export function probeSaid(events: readonly EventObject[]): string | undefined {
  const said = events.findLast(({ reason }) => reason === "Unhealthy")?.message;
  return said?.replace(/^(Startup|Readiness) probe failed: /, "").trim();
}
