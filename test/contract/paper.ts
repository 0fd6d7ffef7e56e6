import { createHash } from "node:crypto";
import type { Order, Outcome } from "../../packages/dray/src/contract/order.ts";
import type { Place } from "../../packages/dray/src/contract/place.ts";
import type { Target, VerbSession } from "../../packages/dray/src/contract/target.ts";
import { CATALOGUE } from "../../packages/dray/src/catalogue.ts";
import { Drayage } from "../../packages/dray/src/drayage.ts";
import type { Scope } from "../../packages/dray/src/flows/fleet/places.ts";
import { parseManifest } from "../../packages/dray/src/yaml/load.ts";
import { Failure } from "../../packages/dray/src/base/failure.ts";
import type { Called, CallOptions } from "../../packages/dray/src/core/call.ts";
import type { Key } from "../../packages/dray/src/core/keys.ts";
import type { Plan, Step } from "../../packages/dray/src/core/plan.ts";
import type { Release } from "../../packages/dray/src/core/release.ts";
import type { Trace } from "../../packages/dray/src/core/trace.ts";

type PaperStep = Step & { kind: "start" | "prove" | "switch" };

interface PaperSeen {
  place: string;
  current: string | undefined;
  previous: string | undefined;
}

interface PaperWork extends PaperSeen {
  release: string;
  service: string;
}

/** What there is at one place. */
export interface Sheet {
  running: Set<string>;
  current?: string;
  previous?: string;
  keys: Record<string, Key>;
}

/** A target in memory: what was done is written down, and anything can be made to fail. */
export class Paper {
  readonly sheets = new Map<string, Sheet>();
  /** What happened, in order: `start@a`, `undo start@a`, `retire@a`. */
  readonly told: string[] = [];
  /** Requests, with the release that answered: `POST /score at api:1`. */
  readonly asked: string[] = [];
  /** Places whose steps of a kind fail: `prove@b`. */
  readonly failing = new Map<string, Failure>();
  /** Places where a deploy leaves nothing to retire. */
  readonly clean = new Set<string>();
  /** How many places were observed and not closed. */
  open = 0;

  at(place: string): Sheet {
    const sheet = this.sheets.get(place) ?? { running: new Set(), keys: {} };
    this.sheets.set(place, sheet);
    return sheet;
  }

  readonly target: Target<PaperSeen, PaperStep, PaperWork> = {
    kind: "paper",
    title: "a sheet of paper",
    way: "hand",
    needs: "nothing",
    places: ({ machines = { a: "a" } }, only) => {
      const all = Object.keys(machines).map((name) => ({ name, at: name }));
      return only === undefined ? all : all.filter(({ name }) => name === only);
    },
    observe: async ({ name }) => {
      this.open += 1;
      const { current, previous } = this.at(name);
      const close = (): Promise<void> => Promise.resolve(void (this.open -= 1));
      return await Promise.resolve({ seen: { place: name, current, previous }, [Symbol.asyncDispose]: close });
    },
    plan: (order, seen) => planOf(order, seen),
    begin: (order, seen) => ({ ...seen, release: planOf(order, seen).release, service: order.manifest.service }),
    perform: async (step, work) => await Promise.resolve(this.#perform(step, work)),
    outcome: async (work, _at, plan) => {
      const clean = this.clean.has(work.place) ? { leaves: "nothing" as const } : {};
      return await Promise.resolve({ ...outcomeOf(work, plan), ...clean });
    },
    retire: async ({ name }) => {
      this.told.push(`retire@${name}`);
      const sheet = this.at(name);
      sheet.running = new Set([...sheet.running].filter((release) => release === sheet.current));
      await Promise.resolve();
    },
    proof: async ({ place, service }) => await Promise.resolve(walked(service, place)),
    status: async ({ place }) => {
      const data = { machine: place.name, current: this.at(place.name).current };
      return await Promise.resolve({ data, text: [`${place.name}: ${data.current ?? "nothing"}`] });
    },
    logs: async ({ place }, { tail }, onLine) => {
      const lines = tail === "all" ? this.told : this.told.slice(-tail);
      for (const line of lines.filter((each) => each.endsWith(`@${place.name}`))) onLine("", line);
      await Promise.resolve();
    },
    trace: async ({ manifest, place = { name: "a", at: "a" } }) =>
      await Promise.resolve(walked(manifest?.service ?? "", place)),
    reach: async (subject) =>
      await Promise.resolve({
        url: `paper:${subject.service}`,
        call: (options) => this.#answer(this.at(subject.place.name).current ?? "", options),
      }),
    remove: async ({ service, place }) => await Promise.resolve(this.#removal(service, place)),
    can: {
      promotion: { source: async ({ place }) => await Promise.resolve(this.#live(place.name)) },
      releases: {
        reach: async ({ service, place }, release) => {
          if (!this.at(place.name).running.has(release))
            throw new Failure("release.unknown", `${release} is not on the sheet`);
          const url = `paper:${service}/${release}`;
          return await Promise.resolve({ url, call: (options) => this.#answer(release, options) });
        },
      },
      keys: {
        list: async ({ place }) => await Promise.resolve({ closed: true, keys: this.at(place.name).keys }),
        add: async ({ place }, { name, key }) => await Promise.resolve(void (this.at(place.name).keys[name] = key)),
        revoke: async ({ place }, name) => {
          const { [name]: _gone, ...keys } = this.at(place.name).keys;
          this.at(place.name).keys = keys;
          return await Promise.resolve({ closed: true, keys });
        },
      },
    },
    lacks: {
      secrets: "paper can be read by everybody",
      metrics: "nobody counts",
      requests: "nothing is kept",
      shadow: "there is no light",
      alerts: "paper is patient",
      exec: "nothing runs",
      with: "a sheet has room for one",
      inspect: "there is no inside",
      weights: "paper is light",
      hosts: "it is no computer",
    },
  };

  #perform({ kind, on }: PaperStep, work: PaperWork): { undo?: () => Promise<void> } {
    this.told.push(`${kind}@${on}`);
    const failure = this.failing.get(`${kind}@${on}`);
    if (failure !== undefined) throw failure;
    const sheet = this.at(on);
    if (kind === "start") sheet.running.add(work.release);
    if (kind === "switch") Object.assign(sheet, { previous: work.current, current: work.release });
    return {
      undo: async () => {
        this.told.push(`undo ${kind}@${on}`);
        if (kind === "start") sheet.running.delete(work.release);
        await Promise.resolve();
      },
    };
  }

  /** A sheet's releases are called as their image. */
  #live(place: string): Release | undefined {
    const { current } = this.at(place);
    if (current === undefined) return undefined;
    const digest = `sha256:${createHash("sha256").update(current).digest("hex")}`;
    const settings = { replicas: 1, limits: { timeoutMs: 1, readyMs: 1, drainMs: 1 }, env: {}, secrets: [] };
    return { id: current, service: "", image: current, digest, settings, from: { who: "", at: "" } };
  }

  /** It answers what it was asked, so that one sees which request came. */
  async #answer(release: string, { method, path, body }: CallOptions): Promise<Called> {
    const said = body === undefined ? "{}" : Buffer.from(body.bytes).toString();
    this.asked.push(`${method} ${path} at ${release === "" ? "nobody" : release}`);
    const answer = { method, status: release === "" ? 503 : 200, headers: {}, body: said, wrong: [] };
    return await Promise.resolve({ ...answer, release, timing: { totalMs: 1 } });
  }

  #removal(service: string, { name }: Place): Awaited<ReturnType<Target["remove"]>> {
    const plan: Plan = { service, release: "", stages: [], changes: [{ what: service, before: name }] };
    return {
      plan,
      perform: async () => {
        this.sheets.delete(name);
        return await Promise.resolve({ data: { machine: name }, text: [`${service} is gone from ${name}`] });
      },
    };
  }
}

function planOf({ want, manifest, making }: Order, { place, current, previous }: PaperSeen): Plan<PaperStep> {
  const { service, image = "none" } = manifest;
  const release = want.verb === "rollback" ? (want.to ?? previous) : making.release({ reference: image }, "").image;
  if (release === undefined) throw new Failure("release.none-before", `${current ?? "nothing"} is the first release`);
  const step = (kind: PaperStep["kind"]): PaperStep => ({ kind, on: place, title: kind });
  const stages = (["start", "prove", "switch"] as const).map((kind) => ({
    title: kind,
    steps: [step(kind)],
    onFailure: "undo" as const,
  }));
  return { service, release, stages, changes: [{ what: "release", before: current ?? "none", after: release }] };
}

function outcomeOf({ place, release, service, current }: PaperWork, plan: Plan): Outcome {
  const url = `paper:${place}`;
  const before = current === undefined ? {} : { before: current };
  return {
    machine: place,
    address: place,
    port: 0,
    url,
    secured: true,
    service,
    release,
    ...before,
    plan,
    bytesSent: 0,
    accepted: [],
  };
}

function walked(service: string, { name }: Place): Trace {
  return { v: 1, url: `paper:${name}`, machine: name, service, reached: true, hops: [], ms: 0 };
}

/** Every verb, with paper beside the catalogue's targets. */
export function drayOn(paper: Paper, given: Partial<VerbSession> = {}): Drayage {
  return new Drayage({ ...given, targets: { ...CATALOGUE.targets, paper: paper.target } });
}

/** A manifest of a service on paper. `places`: where; `more`: lines of dray.yaml. */
export function paperScope(places: readonly string[] = ["a"], more: string = "", folder: string = "/nowhere"): Scope {
  const text = parseManifest(`service: decisions\nmachine: vm\nimage: api:1\n${more}`, "dray.yaml");
  const machines = Object.fromEntries(places.map((name) => [name, name]));
  return { manifest: { ...text, target: "paper", machines, folder } };
}
