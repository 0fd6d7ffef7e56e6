import { asFailure } from "../../base/failure.ts";
import type { Session } from "../../contract/session.ts";
import { compareGolden, type Golden } from "../../core/golden.ts";
import type { Hop } from "../../core/trace.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Kube } from "./client/api.ts";
import { verdictOn } from "./objects/route.ts";
import { askThrough, type KubeWay } from "./prove.ts";
import { type Door, type Found, serviceIn } from "./sight.ts";

const PATIENCE_MS = 15_000;

/** The parts of the way, and what each is. */
const EXPLAIN = {
  "api server": "The cluster's API server takes the kubeconfig's login, for one namespace.",
  release: "The pods of the release that has the traffic, and how many of them are ready.",
  route: "The HTTPRoute leads requests from the Gateway to the release's Service.",
  gateway: "The Gateway is what clients connect to; its address is in its status.",
  prediction: "A request as clients send it, through the Gateway.",
};
type Part = keyof typeof EXPLAIN;

const hopOf = (hop: Part): Pick<Hop, "hop" | "title" | "from" | "to" | "explain"> => ({
  hop,
  title: hop,
  from: "this computer",
  to: "the cluster",
  explain: EXPLAIN[hop],
});
const ok = (hop: Part, evidence: string): Hop => ({ ...hopOf(hop), verdict: "ok", evidence });
const broken = (hop: Part, told: Pick<Hop, "evidence" | "why" | "fix">): Hop => ({
  ...hopOf(hop),
  verdict: "broken",
  fault: `kubernetes-${hop.replace(" ", "-")}`,
  ...told,
});
const unknown = (hop: Part, evidence: string, missing: string): Hop => ({
  ...hopOf(hop),
  verdict: "unknown",
  evidence,
  missing,
});

/** The way to a model in a cluster, as far as it leads. */
export async function traceCluster(
  open: () => Promise<{ kube: Kube; door: Door }>,
  { manifest, golden }: { manifest: Manifest; golden: Golden | undefined },
  way: (url: string) => KubeWay,
  session: Session,
): Promise<Hop[]> {
  let found: Found;
  let door: Door;
  try {
    const opened = await open();
    using kube = opened.kube;
    ({ door } = opened);
    found = await serviceIn(kube, manifest.service);
  } catch (error) {
    const { message, hint, code } = asFailure(error);
    return [broken("api server", { evidence: code, why: message, fix: hint ?? "kubectl cluster-info" })];
  }
  const hops = [ok("api server", `namespace ${found.namespace}`), releaseHop(found, manifest.service), routeHop(found)];
  if (hops.some(({ verdict }) => verdict === "broken"))
    return hops.slice(0, hops.findIndex(({ verdict }) => verdict === "broken") + 1);
  if (door.url === undefined)
    return [...hops, unknown("gateway", "no address", "kubernetes: {address: URL} in the manifest")];
  return [...hops, ok("gateway", door.url), await answer(way(door.url), golden, session)];
}

function releaseHop({ releases, current }: Found, service: string): Hop {
  const pods = releases.find(({ wanted }) => wanted.release.id === current)?.pods;
  const fix = "dray deploy --target kubernetes";
  if (current === undefined)
    return broken("release", { evidence: "none", why: `${service} was never deployed there, or was removed`, fix });
  const evidence = `${current}: ${pods?.ready ?? 0} of ${pods?.wanted ?? 0} pods ready`;
  if ((pods?.ready ?? 0) > 0) return ok("release", evidence);
  return broken("release", {
    evidence,
    why: "no pod of the release is ready",
    fix: "dray logs; kubectl describe pods",
  });
}

function routeHop({ route }: Found): Hop {
  if (route === undefined)
    return broken("route", {
      evidence: "none",
      why: "the HTTPRoute is gone: somebody took it away",
      fix: "dray deploy --target kubernetes",
    });
  const verdict = verdictOn(route);
  if (verdict?.taken === true) return ok("route", "taken by the gateway");
  if (verdict === undefined)
    return unknown("route", "the gateway has said nothing of it", "a Gateway controller that runs");
  return broken("route", {
    evidence: verdict.why,
    why: "the gateway refuses the route",
    fix: "kubectl describe httproute",
  });
}

async function answer(way: KubeWay, golden: Golden | undefined, session: Session): Promise<Hop> {
  try {
    const said = await askThrough(way, golden?.request ?? { method: "GET", path: "/" }, PATIENCE_MS, session);
    const evidence = `${said.status} after ${said.timing.totalMs} ms from ${said.release ?? "nobody of ours"}`;
    if (golden === undefined) {
      if (said.release !== undefined && said.status < 500) return unknown("prediction", evidence, "a golden request");
    } else {
      const { withinMs: _without, ...expect } = golden.expect;
      const [wrong] = compareGolden(
        { ...golden, expect },
        { status: said.status, body: said.body, ms: said.timing.totalMs },
      );
      if (wrong === undefined) return ok("prediction", evidence);
      if (said.release !== undefined)
        return broken("prediction", { evidence, why: wrong, fix: "look at golden.json, and at dray logs" });
    }
    return broken("prediction", {
      evidence,
      why: "the gateway does not lead to the release",
      fix: "kubectl describe httproute; kubectl get endpointslices",
    });
  } catch (error) {
    const { message, hint } = asFailure(error);
    return broken("prediction", {
      evidence: "no answer",
      why: message,
      fix: hint ?? "is the Gateway's address reached from here?",
    });
  }
}
