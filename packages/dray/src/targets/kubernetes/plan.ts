import { Failure } from "../../base/failure.ts";
import type { Order } from "../../contract/order.ts";
import type { Change, Plan, Stage, Step } from "../../core/plan.ts";
import type { KubeObject } from "./client/kinds.ts";
import { isRestricted, type KubeWanted } from "./objects/wanted.ts";
import { type Door, type Found, type KeptRelease, straysIn } from "./sight.ts";

/** What is done in a cluster, as data. */
export type KubeStep = Step & {
  kind: "lock" | "release" | "scale" | "ready" | "golden" | "route" | "prove" | "record" | "unlock";
};

/** Everything that a plan is made of. */
export interface Seen {
  /** The place's name. */
  on: string;
  found: Found;
  door: Door;
  /** A new release, and what the server would make of its objects. */
  fresh?: { wanted: KubeWanted; dry: readonly KubeObject[]; warnings: readonly string[] };
}

/** What would be done; pure. @throws Failure release.none-before, release.unknown */
export function planFor(order: Order, seen: Seen): Plan<KubeStep> {
  return seen.fresh === undefined ? planBack(order, seen) : planForward(order, seen, seen.fresh.wanted);
}

function planForward({ golden }: Order, seen: Seen, wanted: KubeWanted): Plan<KubeStep> {
  const { on, found } = seen;
  const { release, size } = wanted;
  const step = steps(on);
  return {
    service: release.service,
    release: release.id,
    stages: [
      undo("lock", step("lock", "take the lock")),
      undo("release", step("release", `make the release: ${podsText(size)} of ${wanted.image}`)),
      undo("ready", step("ready", "wait until its pods are ready")),
      ...(golden.length === 0 ? [] : [undo("golden", step("golden", "golden requests, before any client's"))]),
      ...switching(step, release.id),
    ],
    changes: changesOf(seen, wanted),
    notes: notesOf(found, wanted, seen),
  };
}

function planBack({ want, manifest }: Order, seen: Seen): Plan<KubeStep> {
  const { on, found } = seen;
  const { wanted } = goingBackTo(manifest.service, want.verb === "rollback" ? want.to : undefined, found);
  const id = wanted.release.id;
  const step = steps(on);
  const stands = standing(found, id);
  return {
    service: manifest.service,
    release: id,
    stages: [
      undo("lock", step("lock", "take the lock")),
      ...(stands
        ? []
        : [
            undo("scale", step("scale", `start ${podsText(wanted.size)} of ${id} again`)),
            undo("ready", step("ready", "wait until its pods are ready")),
          ]),
      ...switching(step, id),
    ],
    changes: [{ what: "release", before: found.current ?? "none", after: id }],
  };
}

type MakeStep = (kind: KubeStep["kind"], title: string) => KubeStep;

const steps =
  (on: string): MakeStep =>
  (kind, title) => ({ kind, on, title });

const undo = (title: string, step: KubeStep): Stage<KubeStep> => ({ title, steps: [step], onFailure: "undo" });

/** The route is proved before it is noted, and goes back when it is not. */
function switching(step: MakeStep, id: string): Stage<KubeStep>[] {
  return [
    undo("route", step("route", `give ${id} all of the traffic`)),
    undo("prove", step("prove", "ask through the gateway")),
    undo("record", step("record", "note it")),
    { title: "unlock", steps: [step("unlock", "give the lock back")], onFailure: "warn" },
  ];
}

/** Has a release the pods that it takes to serve at once? */
function standing({ releases, current }: Found, id: string): boolean {
  const of = (wanted: string | undefined): KeptRelease | undefined =>
    releases.find((each) => each.wanted.release.id === wanted);
  const there = of(id);
  const needed = Math.max(
    there?.wanted.size.min ?? 1,
    Math.min(of(current)?.pods?.wanted ?? 1, there?.wanted.size.max ?? 1),
  );
  return (there?.pods?.ready ?? 0) >= needed;
}

/** The release that a rollback goes to. @throws Failure service.unknown, release.none-before, release.unknown */
export function goingBackTo(
  service: string,
  asked: string | undefined,
  { releases, current, previous, served, namespace }: Found,
): KeptRelease {
  if (current === undefined)
    throw new Failure("service.unknown", `${service} does not run in ${namespace}`, {
      hint: "dray deploy --target kubernetes starts it",
    });
  const others = releases.map(({ wanted }) => wanted.release.id).filter((id) => id !== current && served.includes(id));
  const to = asked ?? (previous !== undefined && others.includes(previous) ? previous : others.at(-1));
  if (to === undefined)
    throw new Failure("release.none-before", `${current} is the first release of ${service}`, {
      hint: "there is nothing to go back to yet",
    });
  const found = releases.find(({ wanted }) => wanted.release.id === to);
  if (found !== undefined && others.includes(to)) return found;
  const why = to === current ? `${to} has the traffic already` : `${to} is not kept`;
  const hint = others.length > 0 ? `kept: ${others.join(", ")}` : "no other release is kept";
  throw new Failure("release.unknown", why, { hint });
}

export function podsText({ min, max }: KubeWanted["size"]): string {
  return min === max ? `${min} ${min === 1 ? "pod" : "pods"}` : `${min} to ${max} pods`;
}

function changesOf({ found, door, fresh }: Seen, wanted: KubeWanted): Change[] {
  const live = found.releases.find((each) => each.wanted.release.id === found.current)?.wanted;
  const row = (what: string, before: string | undefined, after: string): Change[] =>
    before === after ? [] : [{ what, ...(before === undefined ? {} : { before }), after }];
  return [
    ...row("image", live?.image, wanted.image),
    ...row("pods", live && podsText(live.size), podsText(wanted.size)),
    ...settingsRows(live, wanted),
    ...(found.route === undefined
      ? [{ what: "route", after: `through the gateway ${door.namespace}/${door.name}` }]
      : []),
    ...(fresh?.dry ?? []).map(({ kind, metadata }) => ({ what: kind, after: metadata.name })),
  ];
}

function settingsRows(live: KubeWanted | undefined, wanted: KubeWanted): Change[] {
  if (live === undefined) return [];
  const flat = ({ release }: KubeWanted): Map<string, string> => {
    const { replicas: _pods, ...rest } = release.settings;
    return new Map(leaves("", rest));
  };
  const [was, is] = [flat(live), flat(wanted)];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((what) => {
    const [before, after] = [was.get(what), is.get(what)];
    if (before === after) return [];
    return [{ what, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
}

function leaves(at: string, value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return value === undefined ? [] : [[at, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => leaves(at === "" ? key : `${at}.${key}`, inner));
}

function notesOf(found: Found, wanted: KubeWanted, { fresh }: Seen): string[] {
  const level = isRestricted(wanted)
    ? "its pods are what PodSecurity calls restricted"
    : "its pods are what PodSecurity calls baseline, since neither the image nor the manifest names a user by a number other than 0; user: 1000 makes them restricted";
  const ready =
    wanted.release.settings.ready === undefined
      ? ["no `ready:` is named, so a pod counts as ready when it listens; the golden request proves more"]
      : [];
  const policy =
    wanted.release.settings.metadata === true
      ? []
      : [
          "its pods may not ask the cloud's metadata, where the cluster enforces NetworkPolicies at all; dray cannot see whether it does",
        ];
  const before =
    found.current === undefined || !found.standby
      ? []
      : [`${found.current} keeps its pods for a rollback in under a second; kubernetes: {standby: false} ends them`];
  const strays = straysIn(found).map((id) => `${id} is taken away: a command that was killed left it`);
  return [
    level,
    ...ready,
    ...policy,
    ...before,
    ...strays,
    ...(fresh?.warnings ?? []).map((each) => `the cluster says: ${each}`),
  ];
}
