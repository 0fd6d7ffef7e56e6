import type { Release } from "../core/release.ts";
import { type Kept, keptOf, serversOf, type ServiceState } from "./state.ts";

interface InTraffic {
  kept: Kept;
  server: { name: string; address: string };
  /** Only where a candidate shares the traffic. */
  weight?: number;
}

/** HAProxy's largest weight. */
const MOST = 256;

/** Every server that gets traffic; with a candidate, each release's share is spread over its replicas. */
export function inTraffic(service: ServiceState): InTraffic[] {
  const { candidate } = service;
  const share = candidate?.share ?? 0;
  const releases: [string, number][] = [
    [service.current, 100 - share],
    ...(candidate === undefined ? [] : [[candidate.release, share] as [string, number]]),
  ];
  const found = releases.flatMap(([release, percent]) => {
    const kept = keptOf(service, release);
    return kept === undefined ? [] : [{ kept, percent: percent / kept.replicas.length }];
  });
  const scale = MOST / Math.max(1, ...found.map((each) => each.percent));
  return found.flatMap(({ kept, percent }) =>
    serversOf(kept).map((server) => ({
      kept,
      server,
      ...(candidate === undefined ? {} : { weight: percent === 0 ? 0 : Math.max(1, Math.round(percent * scale)) }),
    })),
  );
}

/**
 * How often HAProxy looks for connections to a replica that are idle, and closes half of those it did not need of late.
 * Model servers close theirs after a few seconds, and who sends on one at that moment gets no answer. So the edge is the
 * one that closes: an idle one within 0.6 s, eight within about a second.
 */
const PURGE_MS = 200;

/** Bytes of a body that HAProxy's buffer surely holds beside the head, so that it can be sent again. */
const SENT_AGAIN = 8000;

/** Set for a request that is to share its connection with no other. */
const ALONE = "txn.alone";

/**
 * What may not fit, and then cannot be sent again, gets a connection to the replica of its own, as the only one of its
 * name: when that one fails HAProxy says 502, and logs it. When one that was used before fails, it hangs up and says
 * nothing to anybody. So it is with what is not to be sent again (`once`: a condition for each of its paths).
 */
export function aloneRules(once: readonly string[]): string[] {
  return [
    `  http-request set-var(${ALONE}) unique-id if { req.body_size gt ${SENT_AGAIN} }`,
    ...once.flatMap((match) => [
      `  http-request set-var(${ALONE}) unique-id if { ${match} }`,
      `  http-request disable-l7-retry if { ${match} }`,
    ]),
  ];
}

/** What HAProxy is told of each replica, at its start and at run time: a server that is added then has no defaults. */
export function serverOptions(release: Release): string {
  const { limits, protocol } = release.settings;
  const { concurrency } = limits;
  const spoken = protocol === "h2c" ? " proto h2" : "";
  // So many requests a replica is given at once; the others wait in the edge.
  const most = concurrency === undefined ? "" : ` maxconn ${concurrency}`;
  return ` pool-purge-delay ${PURGE_MS}ms pool-conn-name var(${ALONE})${most}${spoken}`;
}
