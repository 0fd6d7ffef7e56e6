import type { Key } from "../core/keys.ts";
import type { KeeperWish } from "drayage-keeper";
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
  /** Path under which it answers; the releases see what follows it. */
  prefix?: string;
  /** The release that gets the traffic. */
  current: string;
  /** The one that got it before: where `dray rollback` goes. */
  previous?: string;
  /** A release on trial, and its share of the traffic in percent; it is one of `releases`. */
  candidate?: Candidate;
  /** A release that gets copies of the requests, whose answers nobody sees; it is none of `releases`. */
  shadow?: Shadow;
  /** The callers that have a key, by name. */
  keys?: Record<string, Key>;
  /** Does a caller need a key? Undefined where an older dray wrote it: `isClosed` says what that means. */
  closed?: boolean;
  /** Somebody is told of its troubles. */
  alerts?: true;
  /** Oldest first. */
  releases: Kept[];
}

export interface Shadow {
  release: string;
  /** Of the requests, in percent. */
  share: number;
  containers: string[];
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
  /** The machine's own address as clients have it: what a release without a name is asked by. Older drays did not say it. */
  address?: string;
  /** Port of HTTPS, where it is published and the keeper has made the first certificate. */
  tls?: number;
  /** Where the keeper's container is, and what it must see to. */
  keeper?: KeeperWish & { address: string };
  services: Record<string, ServiceState>;
}

export const EMPTY_STATE: EdgeState = { v: 1, rev: 0, port: 80, services: {} };

/** Has anything but the empty edge been written to the volume? The files that a configuration names come with the first service. */
export function isUsed(state: EdgeState): boolean {
  return Object.keys(state.services).length > 0;
}

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

/** The edge's volume, as its container and the keeper's see it; and what lies there. */
export const HOME = "/var/lib/dray";
export const adminSocket: string = `${HOME}/admin.sock`;
/** HAProxy's list of certificates, and the hosts that have one; the keeper writes both. */
export const certificatesFile: string = `${HOME}/certs.list`;
export const httpsMap: string = `${HOME}/https.map`;
export const keysFile = (service: string): string => `keys-${service}.map`;
