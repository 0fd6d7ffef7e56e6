import type { Release } from "../core/release.ts";
import { type Kept, keptOf, serversOf, type ServiceState } from "./edge-state.ts";

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
 * Model servers close theirs after 2 s (gunicorn) or 5 s (uvicorn, Node), and who sends on one at that moment gets no
 * answer. So the edge is the one that closes: one idle connection within 0.6 s, 64 within 2 s.
 */
const PURGE_MS = 200;

/** What HAProxy is told of each replica, at its start and at run time: a server that is added then has no defaults. */
export function serverOptions(release: Release): string {
  const { concurrency } = release.settings.limits;
  // So many requests a replica is given at once; the others wait in the edge.
  const most = concurrency === undefined ? "" : ` maxconn ${concurrency}`;
  return ` pool-purge-delay ${PURGE_MS}ms pool-conn-name var(txn.alone)${most}`;
}
