import { Failure } from "../../base/failure.ts";
import type { LogOptions } from "../../contract/answers.ts";
import type { OnLine } from "../../contract/target.ts";
import type { Kube } from "./client/api.ts";
import type { PodObject } from "./diagnose.ts";
import { MODEL_CONTAINER, ofRelease, releaseName } from "./objects/names.ts";
import { serviceIn } from "./sight.ts";

/** The log lines of a release's pods, each with the pod's own part of its name. @throws Failure service.unknown, target.unsupported */
export async function podLogs(kube: Kube, service: string, options: LogOptions, onLine: OnLine): Promise<void> {
  if (options.edge || options.id !== undefined || options.status !== undefined)
    throw new Failure("target.unsupported", "a Gateway's access log is its owner's", {
      hint: "dray logs shows what the pods say",
    });
  const id = options.release ?? (await serviceIn(kube, service)).current;
  if (id === undefined)
    throw new Failure("service.unknown", `${service} does not run in ${kube.namespace}`, {
      hint: "dray deploy --target kubernetes starts it",
    });
  const { items } = await kube.list<PodObject>("Pod", { selector: ofRelease(service, id) });
  await Promise.all(
    items.map((pod) => linesOf(kube, pod, options, (line) => onLine(shortName(pod, service, id), line))),
  );
}

const shortName = ({ metadata }: PodObject, service: string, id: string): string =>
  metadata.name.slice(releaseName(service, id).length + 1);

async function linesOf(
  kube: Kube,
  { metadata }: PodObject,
  options: LogOptions,
  onLine: (line: string) => void,
): Promise<void> {
  const { follow, tail, sinceMs, grep } = options;
  const asked = {
    container: MODEL_CONTAINER,
    ...(follow ? { follow: "true" } : {}),
    ...(tail === "all" ? {} : { tailLines: String(tail) }),
    ...(sinceMs === undefined ? {} : { sinceTime: new Date(sinceMs).toISOString() }),
  };
  for await (const line of kube.logs(metadata.name, asked)) if (grep === undefined || grep.test(line)) onLine(line);
}
