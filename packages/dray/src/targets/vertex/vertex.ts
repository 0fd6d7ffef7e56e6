import { part, settingsOf } from "./options.ts";
import { GoogleApi } from "../../google/api.ts";
import { googleProject } from "../../google/project.ts";
import { Failure } from "../../base/failure.ts";
import type { LogOptions } from "../../contract/answers.ts";
import type { Subject } from "../../contract/place.ts";
import type { Reached } from "../../contract/reached.ts";
import type { OnLine, Target, TraceWanted } from "../../contract/target.ts";
import type { Called, CallOptions } from "../../core/call.ts";
import { carryOut } from "../../core/carry-out.ts";
import type { Context } from "../../core/context.ts";
import { compareGolden, type Golden } from "../../core/golden.ts";
import { brokenHop, type Trace } from "../../core/trace.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { Vertex } from "./client.ts";
import { begin, observe, outcomeOf, planFor, type Sight, type VertexWork, workToRemove } from "./deploy.ts";
import { perform } from "./perform.ts";
import type { VertexStep } from "./plan.ts";
import { prepareRemoval } from "./remove.ts";
import { type Endpoint, urlOf } from "./resources.ts";
import { statusReport } from "./status.ts";
import { traceVertex } from "./trace.ts";

const TIMEOUT_MS = 60_000;
/** Undeploying takes minutes there. */
const UNDO_MS = 15 * 60_000;
const LOGS_BACK_MS = 24 * 3600_000;
/** Of log lines that are asked for without a limit. */
const MOST_LINES = 1000;

/** Vertex AI: a model of the image, an endpoint, and the traffic's split between the releases that are deployed there. */
export const vertex: Target<Sight, VertexStep, VertexWork> = {
  ...part,
  way: "vertex",
  needs: "nothing",
  places: (manifest) => {
    const { region } = settingsOf(manifest);
    return [{ name: region, at: region }];
  },
  nodeType: (manifest) => settingsOf(manifest).machineType,
  observe: async (_place, order, context) => await observe(order, open, context),
  plan: planFor,
  begin,
  perform: async (step, work, context) => await perform(step, work, work.client.under(context.signal), context),
  outcome: outcomeOf,
  undoMs: UNDO_MS,
  status: async ({ service, manifest }, _scope, context) => {
    const client = await open(manifest, context);
    return statusReport(service, await client.look(service), client);
  },
  logs,
  trace,
  reach,
  remove: async ({ service, manifest }, context) => {
    const client = await open(manifest, context);
    const found = await client.look(service);
    return prepareRemoval(client, service, found, async (plan, inner) => {
      const work = workToRemove(manifest, found.endpoint?.name);
      await carryOut(plan, (step, at) => perform(step, work, client.under(at.signal), at), inner, UNDO_MS);
    });
  },
  can: {},
  lacks: {
    keys: "callers show a Google access token, and IAM says who may call",
    promotion: "its image is in a registry: name it by digest in the other environment",
    secrets:
      "a container's environment is plain to read there; let the API read Secret Manager as vertex: {serviceAccount}",
    metrics: "Cloud Monitoring counts requests, errors and latencies of the endpoint",
    requests: "the endpoint's own request-response logging keeps them, in BigQuery",
    releases: "an endpoint sends a request to one of its models by their shares, and to none by name",
    shadow: "an endpoint copies no requests; rollout: {canary: [5]} gives a release a small share instead",
    alerts: "Cloud Monitoring's alerts are for that",
    with: "Vertex AI runs a model's container, and none beside it",
    exec: "nobody gets into containers that Google keeps",
    inspect: "nobody looks into machines that Google keeps; dray trace asks what can be asked",
    weights: "the image brings its own, or downloads them from Cloud Storage as vertex: {serviceAccount}",
    hosts: "Google keeps the machines",
  },
};

async function open(manifest: Manifest, { signal }: Context): Promise<Vertex> {
  const { project, region } = settingsOf(manifest);
  return new Vertex(new GoogleApi(await googleProject(project, signal)), region, signal);
}

async function endpointOf(client: Vertex, service: string): Promise<Endpoint> {
  const endpoint = await client.endpoint(service);
  if (endpoint !== undefined) return endpoint;
  throw new Failure("service.unknown", `${service} does not run on Vertex AI in ${client.region}`, {
    hint: "dray deploy --target vertex starts it",
  });
}

async function logs(subject: Subject, options: LogOptions, onLine: OnLine, context: Context): Promise<void> {
  if (options.follow)
    throw new Failure("target.unsupported", "logs of a managed service are not followed", {
      hint: "gcloud beta logging tail; or dray logs --since 5m",
    });
  const client = await open(subject.manifest, context);
  const since = new Date(options.sinceMs ?? Date.now() - LOGS_BACK_MS).toISOString();
  const limit = options.tail === "all" ? MOST_LINES : options.tail;
  const lines = await client.logLines((await endpointOf(client, subject.service)).name, limit, since);
  for (const { timestamp, text } of lines.toReversed()) onLine("", `${timestamp ?? ""} ${text}`.trim());
}

async function trace({ manifest }: TraceWanted, context: Context): Promise<Trace> {
  if (manifest === undefined) throw new TypeError("Vertex AI is traced by a manifest");
  const startedAt = performance.now();
  const client = await open(manifest, context);
  const { service } = manifest;
  const golden = (await loadGolden(manifest)).find(({ request }) => request.method === "POST");
  const hops = await traceVertex(client, service, () => client.look(service), golden);
  const walked: Trace = {
    v: 1,
    target: part.kind,
    url: `the endpoint of ${service} in ${client.region}`,
    service,
    reached: true,
    hops,
    ms: Math.round(performance.now() - startedAt),
  };
  return { ...walked, reached: brokenHop(walked) === undefined };
}

async function reach({ manifest, service }: Subject, _how: "by-name" | "there", context: Context): Promise<Reached> {
  const client = await open(manifest, context);
  const endpoint = await endpointOf(client, service);
  return {
    url: urlOf(endpoint, client.region),
    call: async (options, signal = context.signal) => await call(client.under(signal), endpoint, options),
  };
}

/** Asks the model's own route; which path that is, the deploy has said. */
async function call(client: Vertex, endpoint: Endpoint, options: CallOptions): Promise<Called> {
  const { headers, body, golden, as = "caller" } = options;
  const { served, ...answer } = await client.rawPredict(endpoint, { body, headers, timeoutMs: TIMEOUT_MS, as });
  const release = endpoint.deployedModels?.find(({ id }) => id === served)?.displayName;
  return {
    method: "POST",
    status: answer.status,
    ...(release === undefined ? {} : { release }),
    headers: {},
    body: answer.body,
    // How long an answer may take was measured without Google's fronts in between.
    wrong: golden === undefined ? [] : compareGolden(withoutTime(golden), answer),
    timing: { totalMs: answer.ms },
  };
}

function withoutTime(golden: Golden): Golden {
  const { withinMs: _without, ...expect } = golden.expect;
  return { ...golden, expect };
}
