import type { ShadowReport } from "drayage-keeper";
import type { Key } from "../core/keys.ts";

/** Which lines are wanted. */
export interface LogOptions {
  release?: string;
  follow: boolean;
  tail: number | "all";
  /** The edge's access log instead of the replicas'. */
  edge: boolean;
  /** Nothing older, in milliseconds since 1970. */
  sinceMs?: number;
  /** Only lines that it fits. */
  grep?: RegExp;
  /** Of the access log: only answers of this status, or class of statuses (`5xx`). */
  status?: string;
  /** One request's id: lines of the edge and of the release that name it. */
  id?: string;
}

/** What a computer is, for `dray machine ls`. Memory and disk in bytes. */
export interface HostFacts {
  machine: string;
  os: string;
  engine: string;
  architecture: string;
  cpus: number;
  memory: number;
  diskFree?: number;
  addresses: string[];
  edge: boolean;
  services: string[];
}

/** What it takes to make a computer ready. */
export interface SetUp {
  /** Lines of shell that would be run, for the user to read first. */
  commands: string[];
  needed: boolean;
}

/** Something on a computer that dray has made there. */
export interface Belonging {
  kind: "container" | "network" | "volume" | "image";
  name: string;
  /** A volume in which a service keeps its own data. */
  data?: boolean;
}

/** What was there before and after a computer was cleaned. */
export interface Cleaned {
  machine: string;
  before: Belonging[];
  after: Belonging[];
}

/** What a backup has of a computer, or what was put on one. */
export interface BackedUp {
  machine: string;
  services: string[];
  volumes: string[];
}

/** What a shadow's answers were like; `running`: copies still go to it. */
export interface ShadowFound {
  machine: string;
  running: boolean;
  report: ShadowReport;
}

/** The callers that have a key, and whether one is needed. */
export interface Access {
  closed: boolean;
  keys: Record<string, Key>;
}

/** A secret of the live release, and how its container gets it. */
export interface SecretRow {
  name: string;
  as: "env" | "file";
}
