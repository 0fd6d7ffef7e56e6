import { asFailure } from "../../base/failure.ts";
import { compareGolden, type Golden } from "../../core/golden.ts";
import { payloadOf } from "../../core/payload.ts";
import type { Hop } from "../../core/trace.ts";
import type { Vertex } from "./client.ts";
import { nodesOf, rolesOf, type Seen } from "./plan.ts";

const PATIENCE_MS = 15_000;

/** The parts of the way, and what each is. */
const EXPLAIN = {
  login: "Google's API takes a token of this computer's login, for one project.",
  endpoint: "The resource of Vertex AI that clients call; it has its own address.",
  "deployed models": "The releases that run behind the endpoint, on nodes that are paid for.",
  traffic: "The endpoint's split says which share of the requests each release gets.",
  prediction: "The golden request, sent to the model's own route as clients send it.",
};
type Part = keyof typeof EXPLAIN;
type Told = Pick<Hop, "evidence" | "why" | "fix">;

const hopOf = (hop: Part): Pick<Hop, "hop" | "title" | "from" | "to" | "explain"> => ({
  hop,
  title: hop,
  from: "this computer",
  to: "Vertex AI",
  explain: EXPLAIN[hop],
});
const ok = (hop: Part, evidence: string): Hop => ({ ...hopOf(hop), verdict: "ok", evidence });
const broken = (hop: Part, told: Told): Hop => ({ ...hopOf(hop), verdict: "broken", fault: `vertex-${hop}`, ...told });

/** The way to a model on Vertex AI, as far as it leads: login, endpoint, what is deployed there, the traffic, the answer. */
export async function traceVertex(
  client: Vertex,
  service: string,
  look: () => Promise<Seen>,
  golden: Golden | undefined,
): Promise<Hop[]> {
  let seen: Seen;
  try {
    seen = await look();
  } catch (error) {
    const { message, hint, code } = asFailure(error);
    return [broken("login", { evidence: code, why: message, fix: hint ?? "gcloud auth login" })];
  }
  const hops = [ok("login", `project ${client.api.project}, region ${client.region}`)];
  const { endpoint } = seen;
  if (endpoint === undefined) {
    const why = `there is no endpoint of ${service} in ${client.region}: it was never deployed there, or was removed`;
    return [
      ...hops,
      broken("endpoint", {
        evidence: "none",
        why,
        fix: "dray deploy --target vertex; another region: vertex: {region}",
      }),
    ];
  }
  hops.push(ok("endpoint", `${endpoint.name.split("/").pop()}, ${endpoint.dedicatedEndpointDns ?? "shared"}`));
  const deployed = endpoint.deployedModels ?? [];
  if (deployed.length === 0) {
    const why = "the endpoint is there, and no model is deployed on it: it answers nobody";
    return [...hops, broken("deployed models", { evidence: "none", why, fix: "dray deploy --target vertex" })];
  }
  hops.push(ok("deployed models", deployed.map((each) => `${each.displayName} on ${nodesOf(each)}`).join(", ")));
  const { current } = rolesOf(seen);
  const split = endpoint.trafficSplit ?? {};
  const shares = deployed.map((each) => `${each.displayName} ${split[each.id] ?? 0} %`).join(", ");
  if (current === undefined || (split[current.id] ?? 0) === 0) {
    const why =
      "the release that should have the traffic by dray's record has none: somebody changed the split, or a deploy was interrupted";
    hops.push(
      broken("traffic", {
        evidence: shares,
        why,
        fix: "dray deploy --target vertex, or dray rollback --target vertex",
      }),
    );
    return hops;
  }
  hops.push(ok("traffic", shares));
  return [...hops, await answer(client, seen, golden)];
}

async function answer(client: Vertex, { endpoint }: Seen, golden: Golden | undefined): Promise<Hop> {
  if (endpoint === undefined) throw new TypeError("no endpoint");
  const hop = "prediction" as const;
  try {
    const said = await client.rawPredict(endpoint, {
      body: golden && payloadOf(golden.request),
      headers: golden?.request.headers ?? {},
      timeoutMs: PATIENCE_MS,
      as: "caller",
    });
    const wrong = golden === undefined ? [] : compareGolden(golden, said);
    const evidence = `${said.status} after ${said.ms} ms`;
    if (said.status < 400 && wrong.length === 0) return ok(hop, evidence);
    if (said.status === 401 || said.status === 403) {
      const fix = `gcloud projects add-iam-policy-binding ${client.api.project} --member user:YOU --role roles/aiplatform.user`;
      return broken(hop, { evidence, why: "the caller may not call it: IAM refuses the token", fix });
    }
    if (said.status === 404)
      return broken(hop, {
        evidence,
        why: `the API has no such route: ${said.body.slice(0, 100)}`,
        fix: "vertex: {route: /the/route} in the manifest; then deploy again",
      });
    if (said.status >= 500)
      return broken(hop, {
        evidence,
        why: `the API fails: ${said.body.slice(0, 100)}`,
        fix: "dray logs --target vertex",
      });
    const why = wrong[0] ?? `the API refuses the request: ${said.body.slice(0, 100)}`;
    return broken(hop, { evidence, why, fix: "look at golden.json, and at dray logs --target vertex" });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return broken(hop, {
      evidence: "no answer",
      why,
      fix: "is there a way out to *.vertexai.goog? else dray logs --target vertex",
    });
  }
}
