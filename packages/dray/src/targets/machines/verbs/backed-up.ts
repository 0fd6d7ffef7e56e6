import * as z from "zod";
import { Failure } from "../../../base/failure.ts";
import { type EdgeState, keptOf, type ServiceState } from "../../../edge/state.ts";
import { EDGE_VOLUME } from "../../../edge/edge.ts";
import { KEEPER_VOLUME } from "../keeper/keeper-setup.ts";

/** The version of a backup's form. */
const VERSION = 1;
/** Its first file, which says what the others are. */
export const CONTENTS = "backup.json";
/** Under this folder of a container each volume is, and so in the archive. */
export const ROOT = "volumes";
export const STATE = `${ROOT}/${EDGE_VOLUME.name}/state.json`;
export const CONFIG = `${ROOT}/${EDGE_VOLUME.name}/haproxy.cfg`;

const contents = z.object({
  v: z.number(),
  machine: z.string(),
  at: z.string(),
  services: z.array(z.string()),
  volumes: z.array(z.object({ name: z.string(), labels: z.record(z.string(), z.string()) })),
});

/** What a backup says of itself. */
export type Contents = z.infer<typeof contents>;

export function contentsOf(machine: string, state: EdgeState, volumes: Contents["volumes"]): Contents {
  return { v: VERSION, machine, at: new Date().toISOString(), services: Object.keys(state.services), volumes };
}

/** Reads a backup's first file. @throws Failure backup.unreadable */
export function readContents(text: string): Contents {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw notOne(error);
  }
  const read = contents.safeParse(value);
  if (!read.success) throw notOne(read.error);
  if (read.data.v > VERSION)
    throw new Failure("backup.unreadable", "a newer dray made this backup", {
      hint: "npm install -g drayage@latest, then run the same command again",
    });
  return read.data;
}

const notOne = (cause: unknown): Failure =>
  new Failure("backup.unreadable", "this is no backup of a machine", {
    hint: "dray machine backup makes one",
    cause,
  });

/** Of the edge's own files: what only a running edge means something by, and what is made anew from the state. */
const PASSING = [
  /^haproxy\.cfg/,
  /^state\.json\./,
  /^(lock|journal|guard)-/,
  /^mutex$/,
  /^audit\.(new|note)$/,
  /^(keeper-status|hung|restart)\.json$/,
];

/** Does a file of the archive belong into a backup? */
export function isKept(name: string): boolean {
  const own = `${ROOT}/${EDGE_VOLUME.name}/`;
  if (!name.startsWith(own)) return true;
  const [top = ""] = name.slice(own.length).split("/");
  return !PASSING.some((pattern) => pattern.test(top));
}

/** The volumes that a backup has whatever is asked for. */
export const OWN_VOLUMES: readonly string[] = [EDGE_VOLUME.name, KEEPER_VOLUME.name];

/**
 * A state for a machine that has none of the containers: who may call, under which names, and which release was there.
 * Nothing of it gets traffic before the next deploy.
 */
export function withoutReplicas({ address: _elsewhere, ...state }: EdgeState): EdgeState {
  const services = Object.entries(state.services).map(([name, service]) => [name, emptied(service)] as const);
  return { ...state, rev: state.rev + 1, services: Object.fromEntries(services) };
}

function emptied({ previous: _gone, candidate: _judged, shadow: _watched, ...service }: ServiceState): ServiceState {
  const live = keptOf(service, service.current);
  return { ...service, releases: live === undefined ? [] : [{ ...live, replicas: [] }] };
}
