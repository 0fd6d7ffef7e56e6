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

/** Where facts come from: pages that were read, in stored copies, on the day that stands beside them. */
const READ = "2026-11-30";
const GOOGLE = "https://docs.cloud.google.com";
const KUBERNETES = "https://kubernetes.io/docs";

export const SOURCES = {
  bench: { source: "docs/measurements.md: npm run bench -- deploy", asOf: "2026-11" },
  steps: { source: "the lecture's steps, typed by npm run bench -- deploy", asOf: "2026-11" },
  dray: { source: "docs/production.md, docs/releases.md and their tests", asOf: "2026-11" },
  endpoints: { source: `${GOOGLE}/vertex-ai/docs/predictions/choose-endpoint-type`, asOf: READ },
  scaling: { source: `${GOOGLE}/vertex-ai/docs/predictions/autoscaling`, asOf: READ },
  deploying: { source: `${GOOGLE}/vertex-ai/docs/general/deployment`, asOf: READ },
  minutes: { source: "https://googlecloudplatform.github.io/dgem/deploy/vertex/", asOf: READ },
  logging: { source: `${GOOGLE}/vertex-ai/docs/predictions/online-prediction-logging`, asOf: READ },
  traffic: { source: `${GOOGLE}/run/docs/rollouts-rollbacks-traffic-migration`, asOf: READ },
  instances: { source: `${GOOGLE}/run/docs/about-instance-autoscaling`, asOf: READ },
  invokers: { source: `${GOOGLE}/run/docs/authenticating/overview`, asOf: READ },
  balancer: { source: `${GOOGLE}/load-balancing/docs/https/setting-up-https-serverless`, asOf: READ },
  runZones: { source: `${GOOGLE}/run/docs/zonal-redundancy`, asOf: READ },
  runLogs: { source: `${GOOGLE}/run/docs/logging`, asOf: READ },
  rolling: { source: `${KUBERNETES}/tasks/run-application/update-deployment-rolling/`, asOf: READ },
  pods: { source: `${KUBERNETES}/concepts/workloads/autoscaling/horizontal-pod-autoscale/`, asOf: READ },
  ingress: { source: `${KUBERNETES}/concepts/services-networking/ingress/`, asOf: READ },
  podLogs: { source: `${KUBERNETES}/concepts/cluster-administration/logging/`, asOf: READ },
} as const;

/** From memory, when the table was first written. */
export const UNCHECKED = "2025-06";

/** What is said of one way, and by which source; without one it was not checked since it was written down. */
export type Fact = readonly [text: string, source?: keyof typeof SOURCES];

/** What does not depend on the service. */
export const FACTS: readonly { what: string; facts: Record<Way, Fact> }[] = [
  {
    what: "first deploy",
    facts: {
      hand: ["push, log in on the VM, pull and run, typed", "steps"],
      drayage: ["one command; the image travels over SSH", "dray"],
      vertex: ["roughly 10 to 15 minutes for a new model", "minutes"],
      kubernetes: ["5 to 10 minutes for the cluster, then a minute"],
      run: ["about a minute"],
    },
  },
  {
    what: "redeploy",
    facts: {
      hand: ["11.9 s until the new release serves (300 MB image, 1 MB changed)", "bench"],
      drayage: ["0.93 s until it serves: only changed layers travel", "bench"],
      vertex: ["a new deployment, or a rolling one that reuses the nodes", "deploying"],
      kubernetes: ["a rolling update: new pods gradually replace old ones", "rolling"],
      run: ["a new revision, which gets all or a part of the traffic", "traffic"],
    },
  },
  {
    what: "rollback",
    facts: {
      hand: ["as a redeploy, if the old tag is still known", "steps"],
      drayage: ["0.73 s: the old replicas are kept", "bench"],
      vertex: ["traffic goes back to the old model while it stays deployed", "endpoints"],
      kubernetes: ["a rolling update back to an earlier revision", "rolling"],
      run: ["traffic goes back to the old revision, though not at once", "traffic"],
    },
  },
  {
    what: "downtime of a redeploy",
    facts: {
      hand: ["1.3 s without an answer; 119 requests failed in 10 redeploys", "bench"],
      drayage: ["none: 0 requests failed in 20 deploys and 10 rollbacks", "bench"],
      vertex: ["none"],
      kubernetes: ["none: the application stays available while pods are replaced", "rolling"],
      run: ["none: requests in flight are completed", "traffic"],
    },
  },
  {
    what: "TLS",
    facts: {
      hand: ["none", "steps"],
      drayage: ["by itself, for a name or a bare address", "dray"],
      vertex: ["with a certificate that a CA has signed", "endpoints"],
      kubernetes: ["a Secret with key and certificate that an Ingress names", "ingress"],
      run: ["by itself; own names by a load balancer", "balancer"],
    },
  },
  {
    what: "auth",
    facts: {
      hand: ["none", "steps"],
      drayage: ["keys by caller, with rates", "dray"],
      vertex: ["IAM: each caller needs a Google token"],
      kubernetes: ["none of its own: an ingress or a mesh"],
      run: ["private by default, by IAM; or open", "invokers"],
    },
  },
  {
    what: "canary",
    facts: {
      hand: ["no", "steps"],
      drayage: ["by shares, judged, taken back by itself", "dray"],
      vertex: ["traffic split by hand; dray judges it", "endpoints"],
      kubernetes: ["with Argo Rollouts or a mesh"],
      run: ["percentages by hand", "traffic"],
    },
  },
  {
    what: "autoscaling",
    facts: {
      hand: ["no", "steps"],
      drayage: ["no: replicas and machines are what the manifest says", "dray"],
      vertex: ["from at least one node to a maximum; to zero as a preview", "scaling"],
      kubernetes: ["pods, by CPU, memory or a metric of your own", "pods"],
      run: ["from zero, by requests at once and CPU", "instances"],
    },
  },
  {
    what: "zones",
    facts: {
      hand: ["one machine, one zone", "steps"],
      drayage: ["one machine each; several with machines: and a name that leads to all", "dray"],
      vertex: ["a region; several nodes are spread over its zones"],
      kubernetes: ["a region, if the cluster is regional"],
      run: ["a region; traffic is balanced across its zones", "runZones"],
    },
  },
  {
    what: "limits",
    facts: {
      hand: ["the machine's", "steps"],
      drayage: ["those under limits: body, time, queue, requests at once", "dray"],
      vertex: ["10 MB and an hour a request (dedicated), 1.5 MB and 60 s (shared)", "endpoints"],
      kubernetes: ["the ingress controller's"],
      run: ["32 MiB a request over HTTP/1, an hour"],
    },
  },
  {
    what: "logs",
    facts: {
      hand: ["docker logs on the machine", "steps"],
      drayage: ["dray logs: release and access log, joined by request id", "dray"],
      vertex: ["Cloud Logging: the container's by default, access when asked for", "logging"],
      kubernetes: ["kubectl logs; to keep them, a backend of your own", "podLogs"],
      run: ["Cloud Logging, requests included, by itself", "runLogs"],
    },
  },
];
