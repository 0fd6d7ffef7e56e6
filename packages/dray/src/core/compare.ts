import { HOURS_A_MONTH, hourOf, PRICES } from "./prices.ts";

/** The ways to run it that are compared. */
export const WAYS = ["hand", "drayage", "vertex", "kubernetes", "run"] as const;
export type Way = (typeof WAYS)[number];

export const WAY_NAMES: Record<Way, string> = {
  hand: "by hand on a VM",
  drayage: "Drayage on a VM",
  vertex: "Vertex AI",
  kubernetes: "Kubernetes (GKE)",
  run: "Cloud Run",
};

/** One row: what each way has to say, and from where that is known. */
export interface Row {
  what: string;
  cells: Record<Way, string>;
  /** `measured`: here, now; else a page, a file of ours, or `computed` from the prices. */
  source: string;
  /** When it was so: ISO date, or month. */
  asOf: string;
}

/** What a service needs, for the costs. */
export interface Load {
  requestsPerSecond: number;
  /** How long one processor is busy with a request, in milliseconds. */
  msPerRequest: number;
  /** Of a Vertex AI node. */
  machineType: string;
}

const KNOWN = "2025-06";
const VERTEX_DOCS = "https://cloud.google.com/vertex-ai/docs/predictions";
const CR_DOCS = "https://cloud.google.com/run/docs";
const K8S_DOCS = "https://kubernetes.io/docs/concepts";

/** What does not depend on the service: a sentence each, with its source. */
export const FACTS: readonly Row[] = [
  {
    what: "first deploy",
    cells: {
      hand: "half an hour of typing",
      drayage: "a minute with a new machine, seconds on one that is there",
      vertex: "10 to 20 minutes (deployModel)",
      kubernetes: "5 to 10 minutes for the cluster, then a minute",
      run: "about a minute",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "redeploy",
    cells: {
      hand: "stop, pull, run: a minute without service",
      drayage: "seconds: only changed layers travel",
      vertex: "10 to 20 minutes: a new node each time",
      kubernetes: "a rolling update: a minute or so",
      run: "about a minute",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "rollback",
    cells: {
      hand: "as a redeploy, if the old tag is still known",
      drayage: "under a second: the old replicas are kept",
      vertex: "seconds while the old model stays deployed and paid for, else as a redeploy",
      kubernetes: "a rolling update back",
      run: "seconds: traffic goes back to the old revision",
    },
    source: CR_DOCS,
    asOf: KNOWN,
  },
  {
    what: "downtime of a redeploy",
    cells: {
      hand: "from docker stop until the model is loaded",
      drayage: "none: old requests finish, new ones go to the new release",
      vertex: "none",
      kubernetes: "none with readiness probes and a preStop wait",
      run: "none; cold starts after idle time",
    },
    source: K8S_DOCS,
    asOf: KNOWN,
  },
  {
    what: "TLS",
    cells: {
      hand: "none",
      drayage: "by itself, for a name or a bare address",
      vertex: "Google's name; none of your own",
      kubernetes: "cert-manager, or a managed certificate with a load balancer",
      run: "by itself; own names by mapping or load balancer",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "auth",
    cells: {
      hand: "none",
      drayage: "keys by caller, with rates",
      vertex: "IAM: each caller needs a Google token",
      kubernetes: "none of its own: an ingress or mesh",
      run: "IAM, or open",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "canary",
    cells: {
      hand: "no",
      drayage: "by shares, judged, taken back by itself",
      vertex: "trafficSplit by hand; dray judges it",
      kubernetes: "with Argo Rollouts or a mesh",
      run: "shares by hand",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "autoscaling",
    cells: {
      hand: "no",
      drayage: "no: replicas and machines are what the manifest says",
      vertex: "min to max nodes by CPU or GPU, minutes; never to zero",
      kubernetes: "pods in seconds, nodes in minutes",
      run: "to zero and to hundreds, in seconds",
    },
    source: CR_DOCS,
    asOf: KNOWN,
  },
  {
    what: "zones",
    cells: {
      hand: "one machine, one zone",
      drayage: "one machine each; several with machines: and a name that leads to all",
      vertex: "a region; several nodes are spread over its zones",
      kubernetes: "a region, if the cluster is regional",
      run: "a region",
    },
    source: K8S_DOCS,
    asOf: KNOWN,
  },
  {
    what: "limits",
    cells: {
      hand: "the machine's",
      drayage: "what limits: says; body, time, queue, concurrency",
      vertex: "10 MB and an hour a request (dedicated), 1.5 MB and a minute (shared)",
      kubernetes: "the ingress controller's",
      run: "32 MiB a request over HTTP/1, an hour, no privileged containers",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "logs",
    cells: {
      hand: "docker logs on the machine",
      drayage: "dray logs: release and access log joined by request id",
      vertex: "Cloud Logging",
      kubernetes: "kubectl logs, or an agent",
      run: "Cloud Logging",
    },
    source: VERTEX_DOCS,
    asOf: KNOWN,
  },
  {
    what: "lock-in",
    cells: {
      hand: "none",
      drayage: "none: containers and labels; the image runs anywhere",
      vertex: "the caller's URL, token and route are Google's",
      kubernetes: "little: manifests move between clusters",
      run: "little: a container with HTTP",
    },
    source: "docs of each",
    asOf: KNOWN,
  },
];

/** Cells of `smallest monthly cost`, and of the cost at a load, in US dollars; computed from the list of prices. */
export function costRows(load: Load): Row[] {
  const { requestsPerSecond: rps, msPerRequest: ms } = load;
  const busy = (rps * ms) / 1000;
  const row = (what: string, costs: Record<Way, number | undefined>): Row => ({
    what,
    cells: Object.fromEntries(WAYS.map((way) => [way, dollars(costs[way])])) as Record<Way, string>,
    source: `computed: ${PRICES.region}, list prices, ${Object.values(PRICES.sources).join(" ")}`,
    asOf: PRICES.asOf,
  });
  return [
    row("smallest cost a month", {
      hand: vmCost(0),
      drayage: vmCost(0),
      vertex: vertexCost(0, load.machineType),
      kubernetes: kubernetesCost(0),
      run: 0,
    }),
    row(`cost a month at ${rps}/s of ${ms} ms`, {
      hand: vmCost(busy),
      drayage: vmCost(busy),
      vertex: vertexCost(busy, load.machineType),
      kubernetes: kubernetesCost(busy),
      run: runCost(rps, ms),
    }),
  ];
}

/** A machine is not loaded beyond this: queues grow. */
const FULL = 0.6;

/** The cheapest e2 machine, or several of the largest, that has room for `busy` processors. */
function vmCost(busy: number): number {
  const sizes = Object.entries(PRICES.machines).filter(([type]) => type.startsWith("e2-"));
  const fits = sizes.find(([, { cpus }]) => cpus * FULL >= busy) ?? sizes.at(-1);
  if (fits === undefined) return 0;
  const [, { hour, cpus }] = fits;
  const count = Math.max(1, Math.ceil(busy / (cpus * FULL)));
  return count * ((hour + PRICES.address.used) * HOURS_A_MONTH + 20 * PRICES.diskGb);
}

function vertexCost(busy: number, type: string): number | undefined {
  const hour = hourOf(type);
  const cpus = (PRICES.machines as Record<string, { cpus: number } | undefined>)[type]?.cpus ?? 1;
  if (hour === undefined) return undefined;
  return Math.max(1, Math.ceil(busy / (cpus * FULL))) * hour * PRICES.vertexFactor * HOURS_A_MONTH;
}

/** A cluster, its load balancer, and its nodes. */
function kubernetesCost(busy: number): number {
  return (
    (PRICES.cluster + PRICES.forwarding) * HOURS_A_MONTH +
    vmCost(Math.max(busy, PRICES.machines["e2-medium"].cpus * FULL))
  );
}

/** Processors are paid while they work on a request, with 0.5 GiB each; what is free of charge is left out. */
function runCost(rps: number, ms: number): number {
  const seconds = HOURS_A_MONTH * 3600;
  const { cpuSecond, memorySecond, million, free } = PRICES.run;
  const work = (rps * seconds * ms) / 1000;
  const paid = (used: number, without: number): number => Math.max(0, used - without);
  return (
    paid(work, free.cpuSeconds) * cpuSecond +
    paid(work * 0.5, free.memorySeconds) * memorySecond +
    (paid(rps * seconds, free.requests) / 1e6) * million
  );
}

const dollars = (cost: number | undefined): string => (cost === undefined ? "?" : `$${cost.toFixed(2)}`);

/** The table in Markdown, sources below it. */
export function compareMarkdown(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const sources = [...new Set(rows.map(({ source, asOf }) => `${source} (${asOf})`))];
  return [
    line(["", ...WAYS.map((way) => WAY_NAMES[way])]),
    line(["---", ...WAYS.map(() => "---")]),
    ...rows.map(({ what, cells, source }) =>
      line([source === "measured" ? `**${what}** (measured)` : what, ...WAYS.map((way) => cells[way])]),
    ),
    "",
    ...sources.map((source) => `- ${source}`),
  ].join("\n");
}
