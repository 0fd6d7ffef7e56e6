import { abilityOf } from "../fleet/places.ts";
import type { Inside } from "../../contract/inside.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Place } from "../../contract/place.ts";
import { isIP } from "node:net";
import { type Checked, scored } from "../../core/check.ts";
import type { Context } from "../../core/context.ts";
import type { Golden } from "../../core/golden.ts";
import { describedBy } from "../../core/openapi.ts";
import { Failure } from "../../base/failure.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { endpoint } from "../../manifest/endpoint.ts";
import { ownKey } from "../../manifest/keys.ts";
import { askAll } from "./answer.ts";
import { DELIVERY } from "./delivery.ts";
import type { Facts, SaidOfApi } from "./facts.ts";
import { INTERFACE } from "./interface.ts";
import { MONITORING } from "./monitoring.ts";
import { askOver, slowly, tlsOf } from "./outside.ts";
import { RUNTIME } from "./runtime.ts";

/** A manifest's service on a machine, a container by hand, or just an endpoint. */
export interface CheckWanted {
  manifest?: Manifest;
  place?: Place;
  container?: string;
  url?: string;
}

const TITLE = "27 questions";

/**
 * Asks an endpoint, and the machine behind it, whether it may be called production. Nothing is claimed that was not
 * asked; nothing is stopped or changed: the largest thing it does is a short burst of requests. @throws Failure ssh.*
 */
export async function check(wanted: CheckWanted, session: VerbSession): Promise<Checked> {
  await using inside = await openInside(wanted, session);
  const facts = await factsOf(wanted, inside, session);
  const startedAt = performance.now();
  const step = { step: "check", on: facts.host, title: TITLE };
  session.emit({ type: "step.started", ...step });
  // The burst comes last: it would spoil what others see.
  const all = [...INTERFACE, ...DELIVERY, ...RUNTIME, ...MONITORING];
  const calm = await askAll(
    all.filter((each) => each.number !== BURST),
    facts,
  );
  const burst = await askAll(
    all.filter((each) => each.number === BURST),
    facts,
  );
  session.emit({ type: "step.done", ...step, ms: Math.round(performance.now() - startedAt) });
  return scored([...calm, ...burst]);
}

const BURST = 9;

/** Looks into what the manifest's target keeps, or into what somebody started by hand. @throws Failure target.unsupported */
async function openInside(
  { manifest, place, container }: CheckWanted,
  session: VerbSession,
): Promise<Inside | undefined> {
  if (place === undefined) return undefined;
  if (container !== undefined || manifest === undefined)
    return await session.byHand.can.inspect?.open(place, container === undefined ? {} : { container }, session);
  return await abilityOf("inspect", manifest, session).open(place, { service: manifest.service }, session);
}

async function factsOf(wanted: CheckWanted, inside: Inside | undefined, context: Context): Promise<Facts> {
  const { manifest, container } = wanted;
  const base = baseOf(wanted, inside);
  const url = new URL(base);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const key = manifest === undefined || container !== undefined ? {} : await ownKey(manifest, context.signal);
  // A name that is not this machine's yet, or a machine of several: it is this one that is asked.
  const through = inside === undefined || isIP(inside.address) === 0 ? undefined : inside.address;
  const ask = askOver(url, through, context.signal);
  const golden = manifest === undefined ? [] : await loadGolden(manifest);
  const asOwn = (path: string): Promise<SaidOfApi> => ask({ path, headers: key });
  let sample: ReturnType<Facts["sample"]> | undefined;
  return {
    base: base.replace(/\/$/, ""),
    host,
    https: url.protocol === "https:",
    manifest: container === undefined ? manifest : undefined,
    golden,
    sample: () => (sample ??= sampleOf(golden, asOwn)),
    ask: (what, own = false) => ask({ ...what, headers: { ...what.headers, ...(own ? key : {}) } }),
    plain: (path) => askOver(plainOf(url, manifest), through, context.signal)({ path }),
    slow: (patienceMs) => slowly(url, through, { headers: key, patienceMs }, context.signal),
    tls: () => tlsOf(url, through, manifest?.edge.https ?? 443, context.signal),
    inside,
  };
}

async function sampleOf(
  [first]: readonly Golden[],
  get: (path: string) => Promise<SaidOfApi>,
): Promise<Golden["request"] | undefined> {
  if (first !== undefined) return first.request;
  const found = await describedBy(get);
  return "none" in found ? undefined : found.prediction;
}

function plainOf(url: URL, manifest: Manifest | undefined): URL {
  if (url.protocol === "http:") return url;
  return new URL(`http://${url.hostname}:${manifest?.edge.port ?? 80}${manifest?.prefix ?? ""}`);
}

function baseOf({ url, manifest }: CheckWanted, inside: Inside | undefined): string {
  if (url !== undefined) {
    if (URL.canParse(url)) return new URL(url).origin;
    throw new Failure("usage.invalid", `${url} is no URL of an endpoint`, { hint: "like http://203.0.113.7" });
  }
  const address = inside?.address ?? manifest?.domain;
  if (address === undefined) {
    throw new Failure("usage.invalid", "there is nothing to check", {
      hint: "dray check --url http://203.0.113.7, and --machine user@203.0.113.7 --container my-api to look inside",
    });
  }
  return manifest === undefined ? `http://${address}` : endpoint(manifest, address);
}
