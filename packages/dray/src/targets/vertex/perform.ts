import { sleep } from "drayage-clock";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Undo } from "../../core/carry-out.ts";
import type { Context } from "../../core/context.ts";
import { compareGolden, type Golden } from "../../core/golden.ts";
import { payloadOf } from "../../core/payload.ts";
import { arithmeticOf, judge, numbersOf, type Sample } from "../../core/judge.ts";
import type { Deployment } from "./deployment.ts";
import type { Vertex } from "./client.ts";
import type { VertexStep } from "./plan.ts";
import { deployBody, type Endpoint, endpointBody, modelBody, routeOf, type VertexSettings } from "./resources.ts";

/** What a plan's steps hand on to each other. */
export interface Work {
  order: Deployment;
  settings: VertexSettings;
  /** Full name of the endpoint, and of the model's version. */
  endpoint: string | undefined;
  model: string | undefined;
  /** The model that has versions already. */
  parent: string | undefined;
  /** Ids of what is deployed. */
  fresh: string | undefined;
  old: string | undefined;
  /** Releases that have, and had, the traffic. */
  before: string | undefined;
}

type Result = { undo?: Undo; note?: string };

const NOTHING = (): void => undefined;
/** Between two requests of a watch. */
const ASK_EVERY_MS = 200;
/** A split takes a moment until every front of Google's knows it. */
const SETTLE_MS = 60_000;

/** Does one step. @throws Failure */
export async function perform(step: VertexStep, work: Work, vertex: Vertex, context: Context): Promise<Result> {
  const { kind, on } = step;
  const onWait = (note: string): void =>
    context.emit({ type: "step.progress", step: kind, on, done: 0, unit: "count", note });
  switch (kind) {
    case "model": {
      const made = await vertex.upload(modelBody(work.order, work.settings, work.parent), onWait);
      work.model = `${made.model}@${made.modelVersionId}`;
      const name = work.parent === undefined ? made.model : `${work.model}:deleteVersion`;
      return {
        note: `version ${made.modelVersionId}`,
        undo: (fresh) => vertex.under(fresh.signal).delete(name, NOTHING),
      };
    }
    case "endpoint": {
      const { service, settings } = work.order.release;
      const name = await vertex.createEndpoint(endpointBody(service, settings.limits.timeoutMs), onWait);
      work.endpoint = name;
      return { undo: (fresh) => vertex.under(fresh.signal).delete(name, NOTHING) };
    }
    case "deploy":
      return await deploy(work, vertex, onWait);
    case "share":
      return await share(step.share, work, vertex);
    case "watch":
      return { note: await watch(step, work, vertex, context) };
    case "prove":
      return await prove(work, vertex, context);
    case "undeploy":
      await vertex.undeploy(endpointOf(work), step.deployed, onWait, step.split);
      return {};
    case "delete":
      await vertex.delete(step.name, onWait);
      return {};
  }
}

function endpointOf({ endpoint }: Work): string {
  if (endpoint === undefined) throw new TypeError("no endpoint");
  return endpoint;
}

async function deploy(work: Work, vertex: Vertex, onWait: (note: string) => void): Promise<Result> {
  const endpoint = endpointOf(work);
  const split = work.old === undefined ? { "0": 100 } : { "0": 0, [work.old]: 100 };
  const body = deployBody(work.order, work.settings, work.model ?? "", split);
  const id = await vertex.deploy(endpoint, body, onWait).catch((error: unknown) => {
    throw explain(error, work);
  });
  work.fresh = id;
  return { undo: (fresh) => vertex.under(fresh.signal).undeploy(endpoint, id, NOTHING) };
}

/** Google's words for a container that does not come up, with what to look at. */
function explain(error: unknown, { order, settings }: Work): unknown {
  const failure = asFailure(error);
  const said = failure.details[0] ?? "";
  if (!/model server|never became|ready|health|exited/i.test(said)) return error;
  const { port = 8080, ready = "/" } = order.release.settings;
  return new Failure("release.not-ready", `the container did not become ready on Vertex AI: ${said}`, {
    hint: `dray logs --target vertex; it must listen on 0.0.0.0:${port} and answer ${ready} and ${routeOf(order, settings)} there`,
    cause: error,
  });
}

async function share(percent: number, work: Work, vertex: Vertex): Promise<Result> {
  const endpoint = await vertex.get(endpointOf(work));
  const fresh = work.fresh ?? "";
  const rest = percent === 100 || work.old === undefined || work.old === fresh ? {} : { [work.old]: 100 - percent };
  const others = Object.fromEntries(
    (endpoint.deployedModels ?? []).flatMap(({ id }) => (id === fresh || id in rest ? [] : [[id, 0]])),
  );
  const names = percent === 100 ? { current: work.order.release.id, previous: work.before } : undefined;
  await vertex.split(endpoint, { ...others, ...rest, [fresh]: percent }, names);
  return { undo: (inner) => takeBack(vertex.under(inner.signal), endpoint) };
}

async function takeBack(vertex: Vertex, before: Endpoint): Promise<void> {
  const now = await vertex.get(before.name);
  await vertex.split({ ...before, ...(now.etag === undefined ? {} : { etag: now.etag }) }, before.trafficSplit ?? {});
}

/** Asks the golden requests until `ms` are over, and judges the new release's answers against the old one's. */
async function watch(
  { share: percent, ms, on }: VertexStep & { kind: "watch" },
  work: Work,
  vertex: Vertex,
  context: Context,
): Promise<string> {
  const { golden, release, rollout } = work.order;
  const fresh: Sample[] = [];
  const old: Sample[] = [];
  const endpoint = await vertex.get(endpointOf(work));
  const end = performance.now() + ms;
  for (let index = 0; performance.now() < end; index++) {
    const asked = golden[index % Math.max(1, golden.length)];
    if (asked === undefined) await sleep(Math.max(0, end - performance.now()), context.signal);
    else {
      const answer = await ask(vertex, endpoint, asked, work);
      (answer.served === work.fresh ? fresh : old).push({ ok: answer.wrong.length === 0, ms: answer.ms });
      await sleep(ASK_EVERY_MS, context.signal);
    }
    const leftMs = Math.max(0, Math.round(end - performance.now()));
    context.emit({
      type: "trial",
      on,
      release: release.id,
      share: percent,
      leftMs,
      fresh: numbersOf(fresh),
      old: numbersOf(old),
      arithmetic: arithmeticOf(fresh, old, rollout),
    });
    const verdict = judge(fresh, old, rollout, leftMs === 0);
    if (!verdict.bad) continue;
    throw new Failure(
      "release.rolled-back",
      `${release.id} had ${percent} % of the traffic on Vertex AI: ${verdict.why}`,
      {
        hint: `${work.before ?? "no other release"} has all of it again; dray logs --target vertex`,
      },
    );
  }
  const { count, failed } = numbersOf(fresh);
  return golden.length === 0 ? "without golden requests: only waited" : `${count} answers, ${failed} failed`;
}

/** Every golden request, answered by the new release as it should be. */
async function prove(work: Work, vertex: Vertex, context: Context): Promise<Result> {
  const endpoint = await vertex.get(endpointOf(work));
  const end = performance.now() + SETTLE_MS;
  for (const golden of work.order.golden) {
    for (;;) {
      const answer = await ask(vertex, endpoint, golden, work);
      if (answer.served === work.fresh || answer.served === undefined) {
        if (answer.wrong.length === 0) break;
        throw new Failure(
          "release.golden-wrong",
          `the golden request is not answered as expected: ${answer.wrong[0]}`,
          {
            hint: "dray logs --target vertex shows what the API said",
            details: answer.wrong.slice(1),
          },
        );
      }
      if (performance.now() > end)
        throw new Failure("google.failed", "Vertex AI goes on sending requests to the old release", {
          hint: "dray status --target vertex; then run the same command again",
        });
      await sleep(ASK_EVERY_MS, context.signal);
    }
  }
  // A first release has the traffic from the start; that it may keep it is noted now.
  if (work.before === undefined)
    await vertex.split(endpoint, { [work.fresh ?? ""]: 100 }, { current: work.order.release.id, previous: undefined });
  return {};
}

async function ask(
  vertex: Vertex,
  endpoint: Endpoint,
  golden: Golden,
  { order }: Work,
): Promise<{ served?: string; ms: number; wrong: string[] }> {
  const { headers = {} } = golden.request;
  const { timeoutMs } = order.release.settings.limits;
  try {
    const answer = await vertex.rawPredict(endpoint, {
      body: payloadOf(golden.request),
      headers,
      timeoutMs,
      as: "caller",
    });
    const { ms, served } = answer;
    // How long an answer may take was measured without Google's fronts in between.
    const { withinMs: _without, ...expect } = golden.expect;
    return { ms, wrong: compareGolden({ ...golden, expect }, answer), ...(served === undefined ? {} : { served }) };
  } catch (error) {
    return { ms: timeoutMs, wrong: [error instanceof Error ? error.message : String(error)] };
  }
}
