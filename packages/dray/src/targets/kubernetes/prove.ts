import { deadline, joined, sleep } from "drayage-clock";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Called } from "../../core/call.ts";
import { compareGolden, type Golden } from "../../core/golden.ts";
import { payloadOf } from "../../core/payload.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { call } from "../../probes/call.ts";
import type { Session } from "../../contract/session.ts";
import type { Kube } from "./client/api.ts";
import { follow } from "./client/follow.ts";
import { releaseName } from "./objects/names.ts";
import { type HttpRoute, verdictOn } from "./objects/route.ts";

const PATIENCE_MS = 30_000;
const EVERY_MS = 20;
const SERVER_ERROR = 500;
/** Gateways are several programs, each on a connection of its own: so many answers in a row say that all have it. */
const IN_A_ROW = 8;
/** A refusal may be of the moment before the gateway heard of the Service. */
const SECOND_THOUGHT_MS = 3000;

/** Where clients call a service, and the name that they call it by. */
export interface KubeWay {
  url: string;
  host: string | undefined;
}

export function wayOf({ domain, prefix = "" }: Pick<Manifest, "domain" | "prefix">, url: string): KubeWay {
  return { url: `${url.replace(/\/$/, "")}${prefix}`, host: domain };
}

/** A request as clients send it: to the gateway, under the service's name. */
export async function askThrough(
  way: KubeWay,
  request: Golden["request"],
  timeoutMs: number,
  session: Session,
): Promise<Called> {
  const { method, path, headers } = request;
  const body = payloadOf(request);
  return await call(
    way.url,
    {
      method,
      path,
      headers: {
        ...(body === undefined ? {} : { "content-type": body.type }),
        ...headers,
        ...(way.host === undefined ? {} : { host: way.host }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs,
      ...(way.host === undefined ? {} : { servername: way.host }),
    },
    session,
  );
}

/** Golden requests through the API server's own proxy, before any client's. @throws Failure release.golden-wrong */
export async function proveInside(
  kube: Kube,
  golden: readonly Golden[],
  { service, id }: { service: string; id: string },
): Promise<void> {
  for (const each of golden) {
    const { method, path, headers } = each.request;
    const body = payloadOf(each.request);
    const answer = await kube.through(releaseName(service, id), {
      method,
      path,
      headers: { ...(body === undefined ? {} : { "content-type": body.type }), ...headers },
      ...(body === undefined ? {} : { body: body.bytes }),
    });
    // How long an answer may take was measured without the API server in between.
    const { withinMs: _without, ...expect } = each.expect;
    const [wrong, ...more] = compareGolden({ ...each, expect }, answer);
    if (wrong === undefined) continue;
    throw new Failure(
      "release.golden-wrong",
      `the golden request ${method} ${path} is not answered as expected: ${wrong}`,
      {
        hint: "dray logs shows what the API said; dray golden record takes new answers over",
        details: more,
      },
    );
  }
}

/**
 * Asks through the gateway until only the release answers. `unreached`: nobody at all answers here, and the gateway says
 * that it has taken the route. @throws Failure kubernetes.route
 */
export async function proveOutside(
  kube: Kube,
  { way, service, release, path }: { way: KubeWay; service: string; release: string; path: string },
  session: Session,
): Promise<"proved" | "unreached"> {
  using limit = deadline(PATIENCE_MS, session.signal);
  const stop = new AbortController();
  using both = joined([limit.signal, stop.signal]);
  const inner = { ...session, signal: both.signal };
  const seen = { last: "no answer" };
  const refused = routeRefused(kube, service, both.signal);
  try {
    return await Promise.race([refused, answered({ way, release, path }, seen, inner)]);
  } catch (error) {
    session.signal.throwIfAborted();
    if (!limit.signal.aborted) throw error;
    const taken = await isTaken(kube.under(session.signal), service);
    if (taken && seen.last === "no answer") return "unreached";
    throw new Failure("kubernetes.route", `the gateway does not lead to ${release} at ${way.url}: ${seen.last}`, {
      hint: taken
        ? "kubectl describe httproute; is kubernetes: {address} right?"
        : "does the Gateway's controller run? kubectl describe httproute",
    });
  } finally {
    stop.abort();
    await refused.catch(() => undefined);
  }
}

async function answered(
  { way, release, path }: { way: KubeWay; release: string; path: string },
  seen: { last: string },
  session: Session,
): Promise<"proved"> {
  for (let row = 0; ;) {
    session.signal.throwIfAborted();
    const answer = await askThrough(way, { method: "GET", path }, PATIENCE_MS, session).catch((error: unknown) => {
      session.signal.throwIfAborted();
      if (asFailure(error).code === "bug") throw error;
      return undefined;
    });
    // Whatever the API says, the golden request has proved that it works; a gateway that does not reach it says 503 in its name.
    const own = answer?.release === release && answer.status < SERVER_ERROR;
    row = own ? row + 1 : 0;
    if (row >= IN_A_ROW) return "proved";
    if (answer !== undefined) seen.last = `it answers ${answer.status} from ${answer.release ?? "no release of ours"}`;
    if (row === 0) await sleep(EVERY_MS, session.signal);
  }
}

/** Never resolves; fails when the gateway goes on refusing the route. */
async function routeRefused(kube: Kube, service: string, signal: AbortSignal): Promise<never> {
  let since: number | undefined;
  return await follow<never>(
    kube,
    {
      kind: "HTTPRoute",
      which: { name: service },
      seen: ([route]: readonly HttpRoute[]) => {
        const verdict = route && verdictOn(route);
        if (verdict?.taken !== false) return void (since = undefined);
        since ??= performance.now();
        if (performance.now() - since < SECOND_THOUGHT_MS && !/NotAllowed|NoMatching/.test(verdict.why))
          return undefined;
        throw new Failure("kubernetes.route", `the gateway refuses the route: ${verdict.why}`, {
          hint: "kubectl describe httproute; may the Gateway's listener be used from this namespace, and under this name?",
        });
      },
    },
    signal,
  );
}

async function isTaken(kube: Kube, service: string): Promise<boolean> {
  const route = await kube.find<HttpRoute>("HTTPRoute", service);
  return route !== undefined && verdictOn(route)?.taken === true;
}
