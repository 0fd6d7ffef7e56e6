import type { CloudFacts } from "./cloud-facts.ts";
import type { Health } from "./health.ts";
import { hostRefusal, type HostRefusal } from "./host-refusal.ts";
import type { Prediction } from "./openapi.ts";
import type { HopName } from "./trace.ts";

/** How an attempt to connect ended. `forbidden`: the way there (sshd) does not allow it. */
export interface Dialled {
  outcome: "open" | "refused" | "timeout" | "unreachable" | "no-route" | "forbidden" | "failed";
  ms: number;
}

/** One HTTP request, answered or not. */
export interface Exchange {
  outcome: "answered" | "refused" | "timeout" | "reset" | "unreachable" | "not-http" | "tls";
  ms: number;
  status?: number;
  /** Lower-case names. */
  headers?: Record<string, string>;
  /** The first characters of it. */
  body?: string;
  /** Where it differs from the golden answer. */
  wrong?: string[];
}

/**
 * What an answer shows: `golden`, a request whose answer is known; `given`, one that a person made; `look`, a GET that
 * nobody called a prediction: it shows whether somebody is there, and nothing of the model.
 */
export type Asks = "golden" | "given" | "look";

/** What an API without a golden request says of its predictions in its OpenAPI, and the one that was tried because of it. */
export interface Described {
  /** Where no prediction was tried: why. */
  none?: string;
  tried?: { method: string; path: string; from: Prediction["from"]; exchange: Exchange };
}

/** What a port is bound to. */
export interface Listener {
  port: number;
  loopback: boolean;
}

/** A container, from the engine's own words. */
export interface ContainerFacts {
  name: string;
  status: "created" | "running" | "paused" | "restarting" | "exited" | "dead" | "removing";
  exitCode: number;
  outOfMemory: boolean;
  /** The engine's error when it could not be started. */
  error: string;
  restarts: number;
  /** Seconds since it was last started, on the machine's clock. */
  uptimeS: number;
  image: string;
  architecture?: string;
  /** In bytes; 0: none. */
  memoryLimit: number;
  pid: number;
  address: string;
  exposed: number[];
  published: { hostIp: string; hostPort: number; port: number }[];
  /** Of host networking: its ports are the machine's own. */
  hostNetwork: boolean;
  /** The engine's opinion, by the image's HEALTHCHECK. */
  health?: Health;
  /** Last lines it wrote. */
  log: string[];
}

/** A rule of the machine's packet filter, as iptables-save prints it, with its counter. */
export interface Rule {
  table: string;
  chain: string;
  /** `-p tcp -m tcp --dport 80 -j DROP`; for a chain's policy: `policy DROP`. */
  text: string;
  packets: number;
}

/** What a machine's shell says of it, as the login user. */
export interface MachineFacts {
  user: string;
  /** May its packet filter be read? */
  rights: "root" | "sudo" | "none";
  forwarding: boolean;
  listeners: { address: string; port: number; program?: string }[];
  disk?: { path: string; freeBytes: number; usedPercent: number };
  /** Undefined where it may not be read. */
  rules?: Rule[];
  addresses: string[];
  /** Of the hardware's own words: who runs this machine. */
  cloud: "gce" | "aws" | "azure" | "hetzner" | "other";
  /** Seconds since 1970, by its clock. */
  clock: number;
  ufw: boolean;
}

/** What we wrote down about a service, and what the edge really does. */
export interface RecordFacts {
  edge: "none" | "stopped" | "running";
  services: string[];
  current?: string;
  domain?: string;
  /** Readiness path of the release that has the traffic. */
  ready?: string;
  replicas: { container: string; address: string; port: number }[];
  /** Releases that the running HAProxy gives traffic to, and the addresses it does so at. */
  traffic: { release: string; address: string; takes: boolean }[];
  /** The last lines of its log for our path: termination state (HAProxy, "Session state at disconnection") and times. */
  said?: { status: number; state: string };
  /** What the keeper says of the certificate, where it could not get one. */
  noCertificate?: { why: string; fix: string; nextAt: string };
}

export interface CertificateFacts {
  subject: string;
  names: string[];
  issuer: string;
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  /** OpenSSL's word for what is wrong with it (`CERT_HAS_EXPIRED`); undefined: it is trusted. */
  problem?: string;
}

/** Everything the probes found out: plain data, which the table of faults judges. A part that is missing was not asked. */
export interface Evidence {
  /** Milliseconds since 1970, by this computer's clock. */
  now: number;
  target: {
    url: string;
    https: boolean;
    host: string;
    /** The name that requests carry (Host), where it is not the URL's. */
    calledBy?: string;
    port: number;
    /** The host is an address: there is no name to resolve. */
    literal: boolean;
    method: string;
    path: string;
    /** What the edge takes off the path before the container sees it. */
    prefix?: string;
    readyPath: string;
    readyMs: number;
    timeoutMs: number;
    /** What an answer to the request shows. */
    asks: Asks;
    /** Bytes of the request's body. */
    bodyBytes: number;
    machine?: string;
    /** What ssh connects to. */
    machineAddress?: string;
    service?: string;
    container?: string;
    /** Image of the manifest, and where the Dockerfile says how it listens. */
    image?: string;
    dockerfile?: { file: string; line: number; text: string };
  };
  name?: {
    a: string[];
    aaaa: string[];
    code?: string;
    ms: number;
    machine: string[];
    /** When the name itself says an address (sslip.io). */ said?: Dialled;
  };
  route?: { ssh?: Dialled; control: Dialled; controlPort: Dialled; controlHost: string };
  tcp?: { address: string; family: 4 | 6; dialled: Dialled }[];
  /** Counters that rose while a connection from here was tried: where the packet was seen, and where it was dropped. */
  packet?: { seen: boolean; dropped?: Rule; dnat: boolean };
  ssh?: { ms: number; code?: string; message?: string };
  engine?: { ms: number; code?: string; message?: string; version?: string; architecture?: string };
  machine?: MachineFacts;
  record?: RecordFacts;
  /** What the machine's cloud says of it. */
  cloud?: CloudFacts;
  edge?: ContainerFacts;
  /** The container behind the edge, or the one published by hand; null: there is none. */
  app?: ContainerFacts | null;
  /** An image of the target that the machine does not have, and why it cannot get it. */
  pull?: { denied: boolean; message: string };
  /** 127.0.0.1:port of the machine, asked from the machine. */
  loopback?: Dialled;
  /** The container's address and port, asked from the machine. */
  containerDial?: Dialled & { address: string; port: number };
  /** The same, asked from the edge. */
  edgeDial?: Dialled;
  binds?: Listener[];
  tls?: { handshake: "done" | "not-tls" | "failed"; code?: string; certificate?: CertificateFacts; ms: number };
  /** From this computer, over the way that clients take. */
  answer?: Exchange;
  /** From the machine to the container, past the edge. */
  ready?: Exchange;
  predict?: Exchange;
  /** The same look at the API by the name `localhost`, where it refused the one that it is called by. */
  asLocalhost?: Exchange;
  /** Of a mere look: what the API's own description led to. */
  described?: Described;
}

/** Evidence of a way on which everything was asked. */
export type Healthy = Evidence & { machine: MachineFacts; record: RecordFacts; edge: ContainerFacts; answer: Exchange };

/** A fault that is known by its evidence: one row of the table. */
export interface Fault {
  id: string;
  hop: HopName;
  /** For the guide's headings. */
  title: string;
  /** Is this the cause? Asked in the order of the table; the first that says yes is it. */
  when: (found: Evidence) => boolean;
  /** `slow` where it may yet come right; broken when left out. */
  verdict?: (found: Evidence) => "broken" | "slow";
  /** One sentence. */
  why: (found: Evidence) => string;
  /** One command or edit. */
  fix: (found: Evidence) => string;
  /** How it looks from outside. */
  outside: string;
  /** How to tell it apart by hand. */
  byHand: string;
  /** Evidence of it, beside a healthy way: the row's own test, and the guide's example. */
  example: (healthy: Healthy) => Evidence;
}

/** What a mere look may be answered by an API that is there and has nothing to show, or wants another request. */
const LOOKED_AT: ReadonlySet<number> = new Set([400, 404, 405, 406, 415, 422, 426]);

/** Is the path the service's own root, where many APIs have nothing? */
export function isRoot({ path, prefix = "" }: Pick<Evidence["target"], "path" | "prefix">): boolean {
  return /^\/?$/.test(path.slice(prefix.length));
}

/** Did the answer come from the API, as far as that can be told, and not from a proxy in front of it? */
export function fromApi(found: Evidence): boolean {
  const { answer, edge, target } = found;
  if (answer?.outcome !== "answered") return false;
  const behindEdge = edge !== undefined || (target.service !== undefined && target.container === undefined);
  return !behindEdge || answer.headers?.["x-dray-release"] !== undefined;
}

/** Where the API refuses the name that it is called by: the setting that would allow it. */
export function refusedHost(found: Evidence): HostRefusal | undefined {
  if (found.answer?.outcome === "answered" && !fromApi(found)) return undefined;
  const said = found.answer?.outcome === "answered" ? found.answer : found.predict;
  return hostRefusal(said, found.asLocalhost);
}

/** The request got an answer that is no failure. */
export function served(found: Evidence): boolean {
  const { answer, target } = found;
  if (answer?.outcome !== "answered" || answer.status === undefined) return false;
  if (target.asks === "golden") return answer.wrong?.length === 0;
  if (answer.status < 400) return true;
  if (target.asks === "given") return false;
  // At the root of an API there may be nothing; a path that somebody named is one that should be there.
  const there = answer.status === 404 ? isRoot(target) : LOOKED_AT.has(answer.status);
  return there && fromApi(found) && refusedHost(found) === undefined;
}

/** Every IPv4 address that was tried, or every address where there is no other. */
export function dialledTo(found: Evidence, outcome: Dialled["outcome"]): boolean {
  const all = found.tcp ?? [];
  const four = all.filter((each) => each.family === 4);
  const counted = four.length > 0 ? four : all;
  return counted.length > 0 && counted.every((each) => each.dialled.outcome === outcome);
}

/** The way ends at the machine's own port: a connection from here was not possible. */
export function shut(found: Evidence): boolean {
  return (found.tcp ?? []).length > 0 && !(found.tcp ?? []).some((each) => each.dialled.outcome === "open");
}
