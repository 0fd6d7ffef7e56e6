import { nodeMonth } from "./deploy.ts";
import { RELEASE, urlOf } from "./resources.ts";
import { rolesOf, nodesOf } from "./plan.ts";
import type { Report } from "../../core/report.ts";
import { Vertex } from "./client.ts";
import type { Seen } from "./plan.ts";
import { monthText } from "../../core/prices.ts";
/** A release on Vertex AI, as `dray status` shows it. */
export interface VertexRelease {
  release: string;
  image: string;
  /** `standby`: deployed and paid for, without traffic; `kept`: only the model; `stray`: left by an interrupted deploy. */
  state: "traffic" | "canary" | "standby" | "stray" | "kept";
  /** Of the traffic, in percent. */
  share: number;
  /** What it runs on: `1-3 x n1-standard-2`. */
  nodes: string;
  /** ISO 8601. */
  since?: string;
}

export interface VertexStatus {
  service: string;
  /** Project and region. */
  where: string;
  url?: string;
  releases: VertexRelease[];
  /** What is billed, whether called or not. */
  monthly?: number;
  notes: string[];
}

const COLUMNS = ["RELEASE", "STATE", "NODES", "IMAGE", "SINCE"];

/** What there is of a service on Vertex AI, for programs and for people. */
export function statusReport(service: string, seen: Seen, client: Vertex): Report<VertexStatus> {
  const data = statusOf(service, seen, client);
  const rows = data.releases
    .toReversed()
    .map(({ release, state, share, nodes, image, since = "" }) => [
      release,
      state === "canary" || state === "traffic" ? `${share} %` : state,
      nodes,
      image,
      since,
    ]);
  const head = `${data.where}: ${data.url ?? "no endpoint: nothing deployed"}`;
  return { data, text: [head, ...(rows.length === 0 ? [] : [{ columns: COLUMNS, rows }]), ...data.notes] };
}

function statusOf(service: string, seen: Seen, client: Vertex): VertexStatus {
  const { endpoint, models } = seen;
  const { current, previous, strays } = rolesOf(seen);
  const deployed = [...strays, previous, current].flatMap((each) => each ?? []);
  const imageOf = (release: string | undefined): string =>
    models.find((model) => model.labels?.[RELEASE] === release)?.containerSpec?.imageUri ?? "?";
  const rows = deployed.map((each): VertexRelease => {
    const share = endpoint?.trafficSplit?.[each.id] ?? 0;
    return {
      release: each.displayName ?? each.id,
      image: imageOf(each.displayName),
      state:
        share === 0
          ? each === previous
            ? "standby"
            : "stray"
          : share === 100 || each === current
            ? "traffic"
            : "canary",
      share,
      nodes: nodesOf(each),
      ...(each.createTime === undefined ? {} : { since: each.createTime }),
    };
  });
  const names = new Set(deployed.map((each) => each.displayName));
  const kept = models.flatMap((model): VertexRelease[] => {
    const release = model.labels?.[RELEASE];
    if (release === undefined || names.has(release)) return [];
    const since = model.versionCreateTime === undefined ? {} : { since: model.versionCreateTime };
    return [{ release, image: imageOf(release), state: "kept", share: 0, nodes: "-", ...since }];
  });
  const prices = deployed.map(({ dedicatedResources: nodes }) => {
    const each = nodeMonth(nodes?.machineSpec?.machineType ?? "");
    return each === undefined ? undefined : each * (nodes?.minReplicaCount ?? 1);
  });
  const monthly = prices.reduce<number | undefined>(
    (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
    0,
  );
  return {
    service,
    where: `Vertex AI, ${client.api.project}, ${client.region}`,
    ...(endpoint === undefined ? {} : { url: urlOf(endpoint, client.region) }),
    releases: [...kept, ...rows],
    ...(monthly === undefined ? {} : { monthly }),
    notes: [
      ...(deployed.length === 0
        ? ["nothing is deployed: nothing is billed"]
        : [
            `billed whether called or not: ${monthly === undefined ? "not in the list of prices" : monthText(monthly)}`,
          ]),
      ...strays.map(
        (each) =>
          `${each.displayName} was left by an interrupted deploy and is billed; dray deploy, or dray remove, clears it away`,
      ),
    ],
  };
}
