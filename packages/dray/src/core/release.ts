import type { WeightsUse } from "./weights.ts";

/** What a release needs to run, the same on every machine. */
export interface Settings {
  /** Port inside the container; undefined: found when it first starts. */
  port?: number;
  /** Path that answers 2xx or 3xx when the release is ready; undefined: found. */
  ready?: string;
  /** HTTP/2 alone, from the first byte and without TLS; undefined: HTTP/1.1. */
  protocol?: "h2c";
  replicas: number;
  limits: Limits;
  env: Record<string, string>;
  /** Names only; the values travel apart and are never part of a release. */
  secrets: string[];
  /** Those of them that the container gets as files only. */
  secretFiles?: string[];
  /** They become variables by a shell of ours, mounted beside them; undefined: by the image's, as an older dray did. */
  ownShell?: true;
  /** Some of the secrets are only on the machine. */
  keptSecrets?: boolean;
  domain?: string;
  /** What our own requests call it (Host), where that is another name. */
  host?: string;
  /** Path under which it answers: `/loans`. */
  prefix?: string;
  /** What the edge asks of a request before the release sees it. */
  front?: Front;
  /** What is kept of the requests. */
  requests?: { share: number; mask: string[]; only?: string[]; maxBytes: number; days?: number };
  /** Its answers are streams, whose first bytes count. */
  streams?: true;
  /** Where spans of sampled requests go, and the share of those that no caller decided on, in percent. */
  otel?: { endpoint: string; share: number };
  /** The image does without writing: its root is mounted read-only. */
  readOnly?: boolean;
  /** How its container is run, where that is not as the image says. */
  run?: RunAs;
  /** Files outside the image, by name. */
  weights?: Record<string, WeightsUse>;
  /** It may ask the cloud's metadata. Undefined: made by a dray that did not know the question. */
  metadata?: boolean;
}

/** What the manifest says of the container itself. A field that is missing is as the image says. */
export interface RunAs {
  /** Instead of the image's ENTRYPOINT and CMD. */
  command?: string[];
  /** After the command, or the image's ENTRYPOINT, instead of its CMD. */
  args?: string[];
  user?: string;
  /** The engine's init as process 1; undefined: unless the image brings one. */
  init?: boolean;
  /** A container runtime that the engine knows. */
  runtime?: string;
  /** Lines of /etc/hosts: addresses by name. */
  hosts?: Record<string, string>;
  stopSignal?: string;
  /** Containers beside the replicas, by the name under which these reach them. */
  with?: Record<string, Beside>;
  /** Runs once in a container of its own before the first replica starts. */
  before?: string[];
  /** The image's HEALTHCHECK says when a release is ready. */
  healthcheck?: true;
  /** What outlives releases, by name. */
  volumes?: Record<string, Volume>;
}

/** A container that a deploy starts where it is missing, and never replaces. */
export interface Beside {
  image: string;
  command?: string[];
  args?: string[];
  user?: string;
  env?: Record<string, string>;
  /** Those of the service's secrets that it is given. */
  secrets?: string[];
  volumes?: Record<string, Volume>;
  limits?: Partial<Pick<Limits, "memory" | "cpus" | "shm" | "pids" | "nofile">>;
}

/** Files that a container shares with those before and after it. */
export interface Volume {
  /** Path in the container. */
  at: string;
  /** A folder of the machine, or a volume of its engine; undefined: a volume of the service's own. */
  from?: string;
  write?: boolean;
}

/** Body in bytes. */
export interface Front {
  /** Paths that need no key to be read (GET, HEAD); one that ends in `*` means all below it. */
  open?: string[];
  /** Paths that need no key to be posted to; reading them is another matter. */
  openPosts?: string[];
  /** Of each key, or where there are none of each address. */
  rate?: { count: number; perMs: number };
  /** Tokens of a language model that each of them may have, asked and answered together. */
  tokens?: { count: number; perMs: number };
  body?: number;
  /** Requests that may wait when every replica has its `concurrency`. */
  queue?: number;
  /** Longest waits for an answer of some paths, in milliseconds; one that ends in `*` means all below it. */
  timeouts?: Record<string, number>;
  /** Paths whose requests are never sent again once a replica may have them; one that ends in `*` means all below it. */
  once?: string[];
  /** Browsers may insist on HTTPS from now on: a name with a certificate of a public CA. */
  hsts?: boolean;
  /** Which pages of other origins may call it from a browser. */
  cors?: Cors;
}

/** What a browser is told of pages that came from elsewhere. */
export interface Cors {
  /** `https://app.example.com`; with `*.` in front of the name, all below it. */
  origins: "*" | string[];
  /** Headers that such a page may send. */
  headers: string[];
  /** Headers of an answer that it may read. */
  expose: string[];
  /** It may send cookies. */
  credentials: boolean;
  /** Seconds for which a browser may remember the permission. */
  maxAgeS: number;
}

/** Memory, shm and disk in bytes, cpus in cores, timeouts in milliseconds. */
export interface Limits {
  memory?: number;
  /** Of /dev/shm. Releases of an older dray have none of these four. */
  shm?: number;
  pids?: number;
  nofile?: number;
  disk?: number;
  cpus?: number;
  gpus?: number;
  concurrency?: number;
  timeoutMs: number;
  readyMs: number;
  drainMs: number;
}

/** Who made a release, from what. */
export interface Origin {
  who: string;
  /** ISO 8601, UTC. */
  at: string;
  commit?: string;
  dirty?: boolean;
}

/** One immutable version of a service. */
export interface Release {
  /** Short, sortable by time of making. */
  id: string;
  service: string;
  /** What the user calls the image, for people to read. */
  image: string;
  /** `sha256:...` of the image's manifest. */
  digest: string;
  settings: Settings;
  from: Origin;
}

const EPOCH = Date.UTC(2024, 0, 1);

/** A new release id: seconds since 2024 in base 36, then two characters against collisions. Sorts by time. */
export function releaseId(now: number, random: () => number): string {
  const seconds = Math.floor((now - EPOCH) / 1000)
    .toString(36)
    .padStart(6, "0");
  const tail = Math.floor(random() * 36 * 36)
    .toString(36)
    .padStart(2, "0");
  return seconds + tail;
}
