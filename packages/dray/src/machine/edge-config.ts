import type { Release } from "../core/release.ts";

/** One container of a release, where the edge finds it. */
export interface Replica {
  container: string;
  address: string;
  port: number;
}

/** A release that is kept on a machine: running, draining or stopped. */
export interface Kept {
  release: Release;
  replicas: Replica[];
  /** How it got here: for `dray status` and the audit. */
  deployedAt: string;
  /** It was told to end; a rollback must start it afresh. */
  stopping?: boolean;
}

/** What the edge knows of one service. */
export interface ServiceState {
  service: string;
  domain?: string;
  /** The release that gets the traffic. */
  current: string;
  /** The one that got it before: where `dray rollback` goes. */
  previous?: string;
  /** A release on trial, and its share of the traffic in percent; it is one of `releases`. */
  candidate?: Candidate;
  /** Oldest first. */
  releases: Kept[];
}

export interface Candidate {
  release: string;
  share: number;
  /** It was kept before the trial (a rollback), and stays so when the trial fails. */
  kept?: boolean;
}

/** The whole truth about a machine, kept in the edge's volume. */
export interface EdgeState {
  v: 1;
  /** Counts changes: who writes must have read the one before, so that two services never overwrite each other. */
  rev: number;
  port: number;
  services: Record<string, ServiceState>;
}

export const EMPTY_STATE: EdgeState = { v: 1, rev: 0, port: 80, services: {} };

/** Name of a service's HAProxy backend. */
export function backendName(service: string): string {
  return `s_${service}`;
}

/** Name of a replica's server in its backend: the release, then a number; `x-dray-release` is cut out of it. */
function serverName(release: string, index: number): string {
  return `${release}.${index + 1}`;
}

export function keptOf(service: ServiceState, release: string): Kept | undefined {
  return service.releases.find((kept) => kept.release.id === release);
}

/** Every server of a release, as HAProxy names and addresses it. */
export function serversOf(kept: Kept): { name: string; address: string }[] {
  return kept.replicas.map((replica, index) => ({
    name: serverName(kept.release.id, index),
    address: `${replica.address}:${replica.port}`,
  }));
}

const HEAD = `# Written by dray. Changes made by hand are lost with the next deploy.
global
  log stdout format raw local0
  stats socket ipv4@127.0.0.1:9999 level admin expose-fd listeners
  # HAProxy computes maxconn from the files it may open.
  no strict-limits
  hard-stop-after 1h

defaults
  mode http
  log global
  option httplog
  option dontlognull
  # A reload may otherwise reset an idle connection that a client is just about to use again (facts/haproxy.md).
  option idle-close-on-response
  option redispatch
  retries 3
  retry-on conn-failure empty-response
  timeout connect 5s
  timeout client 1h
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout queue 30s
  timeout tunnel 1h
  default-server init-addr none
`;

/** The edge's whole configuration, from its state: the same state gives the same text. */
export function edgeConfig(state: EdgeState): string {
  const services = Object.values(state.services).toSorted((a, b) => a.service.localeCompare(b.service));
  return [HEAD, frontend(state, services), ...services.map(backend), NOWHERE].join("\n");
}

function frontend(state: EdgeState, services: readonly ServiceState[]): string {
  const named = services.filter((service) => service.domain !== undefined);
  const open = services.find((service) => service.domain === undefined);
  return [
    "frontend http",
    `  bind :::${state.port} v4v6`,
    "  http-request set-header x-forwarded-for %[src]",
    "  http-request set-header x-forwarded-proto http",
    // `dray request` asks where the time went; nobody else is told.
    "  http-request set-var(txn.timing) req.hdr(x-dray-timing)",
    "  http-request del-header x-dray-timing",
    ...named.map(
      (service) =>
        `  use_backend ${backendName(service.service)} if { req.hdr(host),host_only,lower -m str ${service.domain} }`,
    ),
    `  default_backend ${open === undefined ? "nowhere" : backendName(open.service)}`,
    "",
  ].join("\n");
}

function backend(service: ServiceState): string {
  const current = keptOf(service, service.current);
  const limits = current?.release.settings.limits;
  return [
    `backend ${backendName(service.service)}`,
    // Counting connections does not keep to weights where requests are few: two idle servers are equals to it.
    `  balance ${service.candidate === undefined ? "leastconn" : "roundrobin"}`,
    `  timeout server ${limits?.timeoutMs ?? 60_000}ms`,
    "  http-response set-header x-dray-release %[srv_name,field(1,.)]",
    "  http-response set-header server-timing queue;dur=%[req.timer.queue],model;dur=%[res.timer.hdr] if { var(txn.timing) -m found }",
    ...inTraffic(service).map(
      ({ kept, server, weight }) =>
        `  server ${server.name} ${server.address}${maxconn(kept.release)}${weight === undefined ? "" : ` weight ${weight}`}`,
    ),
    "",
  ].join("\n");
}

interface InTraffic {
  kept: Kept;
  server: { name: string; address: string };
  /** Only where a candidate shares the traffic. */
  weight?: number;
}

/** HAProxy's largest weight. */
const MOST = 256;

/** Every server that gets traffic; with a candidate, each release's share is spread over its replicas. */
function inTraffic(service: ServiceState): InTraffic[] {
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

/** How many requests a replica is given at once; the others wait in the edge. */
function maxconn(release: Release): string {
  const { concurrency } = release.settings.limits;
  return concurrency === undefined ? "" : ` maxconn ${concurrency}`;
}

const NOWHERE = `backend nowhere
  http-request return status 404 content-type text/plain string "no service here\\n"
`;

/**
 * What a change of release means for HAProxy's runtime API. Undefined: a change that only a reload can make
 * (a new service, another domain or timeout).
 */
export function switchCommands(before: EdgeState, after: EdgeState, service: string): string[] | undefined {
  const old = before.services[service];
  const next = after.services[service];
  if (old === undefined || next === undefined || skeleton(before) !== skeleton(after)) return undefined;
  const backendId = backendName(service);
  if (keptOf(next, next.current) === undefined) return undefined;
  const arriving = inTraffic(next);
  const staying = new Set(arriving.map(({ server }) => server.name));
  return [
    // A server may still be there from before (rolling back while it drains): adding it again is refused, and harmless.
    ...arriving.flatMap(({ kept, server: { name, address }, weight }) => [
      `add server ${backendId}/${name} ${address}${maxconn(kept.release)}`,
      `set server ${backendId}/${name} addr ${address.replace(":", " port ")}`,
      ...(weight === undefined ? [] : [`set server ${backendId}/${name} weight ${weight}`]),
      `set server ${backendId}/${name} state ready`,
      `enable server ${backendId}/${name}`,
    ]),
    ...leaving(old, staying).map((name) => `set server ${backendId}/${name} state drain`),
  ];
}

/** Servers that get traffic and are to get none. */
function leaving(service: ServiceState, staying: ReadonlySet<string>): string[] {
  return inTraffic(service)
    .map(({ server }) => server.name)
    .filter((name) => !staying.has(name));
}

/**
 * What to do before a reload that takes a candidate off: connections that the HAProxy of before still holds would give
 * it their next request.
 */
export function beforeReload(before: EdgeState, after: EdgeState, service: string): string[] {
  const [old, next] = [before.services[service], after.services[service]];
  if (old?.candidate === undefined || next === undefined || old.current !== next.current) return [];
  const staying = new Set(inTraffic(next).map(({ server }) => server.name));
  return leaving(old, staying).map((name) => `set server ${backendName(service)}/${name} state drain`);
}

/** The configuration without its servers: what the runtime API cannot change. */
function skeleton(state: EdgeState): string {
  return edgeConfig(state)
    .split("\n")
    .filter((line) => !line.startsWith("  server "))
    .join("\n");
}
