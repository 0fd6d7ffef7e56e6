import { describe, expect, test } from "vitest";
import { CATALOGUE } from "../packages/dray/src/catalogue.ts";
import type { Ability } from "../packages/dray/src/contract/abilities.ts";
import type { Order, Want } from "../packages/dray/src/contract/order.ts";
import type { AnyTarget } from "../packages/dray/src/contract/target.ts";
import { EMPTY_STATE, type EdgeState } from "../packages/dray/src/edge/state.ts";
import type { Release } from "../packages/dray/src/core/release.ts";
import { kubernetes } from "../packages/dray/src/targets/kubernetes/kubernetes.ts";
import { parseManifest } from "../packages/dray/src/yaml/load.ts";
import { Paper } from "./contract/paper.ts";
import { releaseOf } from "./contract/releases.ts";

// What is asked of every target of the catalogue, and of the one in memory: none of it needs a machine or a cloud.

const ABILITIES: readonly Ability[] = [
  "keys",
  "secrets",
  "metrics",
  "requests",
  "releases",
  "shadow",
  "alerts",
  "exec",
  "inspect",
  "weights",
  "hosts",
];

const RELEASES = ["r1", "r2"].map((id) =>
  releaseOf(id, {}, { image: `api:${id}`, digest: `sha256:${id.padEnd(64, "0")}` }),
);
const [before, fresh] = RELEASES as [Release, Release];

/** What a target would have seen where the release before has the traffic, and where nothing is there yet. */
const SEEN: Record<string, (has: "nothing" | "a release", want: Want) => unknown> = {
  machines: (has, want) => ({
    place: { name: "vm", at: "vm" },
    seen: {
      machine: "vm",
      architecture: "amd64",
      edge: has === "nothing" ? "none" : "running",
      state: has === "nothing" ? EMPTY_STATE : stateWith(before),
      containers: [],
      imageStore: "layers",
      networks: {},
    },
    wish: {
      release: want.verb === "rollback" ? before : fresh,
      source: want.verb === "rollback" ? { via: "here" } : { via: "direct", bytes: 1 },
      again: want.verb === "rollback",
      edge: { port: 80, image: "edge" },
    },
  }),
  vertex: (has, want) => ({
    found: {
      endpoint:
        has === "nothing"
          ? undefined
          : {
              name: "endpoints/1",
              displayName: "decisions",
              labels: { "drayage-current": "r1", "drayage-previous": "r0" },
              trafficSplit: { d1: 100 },
              deployedModels: [
                { id: "d0", model: "models/decisions", displayName: "r0" },
                { id: "d1", model: "models/decisions", displayName: "r1" },
              ],
            },
      models:
        has === "nothing"
          ? []
          : ["r0", "r1"].map((id, index) => ({
              name: "models/decisions",
              versionId: String(index),
              labels: { drayage: "decisions", "drayage-release": id },
            })),
    },
    ...(want.verb === "deploy"
      ? {
          deployment: {
            release: fresh,
            image: "x@sha256:2",
            golden: [],
            keep: 5,
            rollout: { canary: [], every: 0, maxErrors: 0, maxP95: 1, minimum: 0 },
          },
        }
      : {}),
  }),
  kubernetes: (has, want) => ({
    on: "team",
    door: { namespace: "infra", name: "public", url: "http://10.0.0.1" },
    found: {
      namespace: "team",
      standby: true,
      served: has === "nothing" ? [] : ["r0", "r1"],
      releases:
        has === "nothing"
          ? []
          : ["r0", "r1"].map((id) => ({ wanted: inCluster(id), since: "", pods: { wanted: 1, ready: 1 } })),
      ...(has === "nothing" ? {} : { current: "r1", previous: "r0" }),
    },
    ...(want.verb === "deploy" ? { fresh: { wanted: inCluster("r2"), dry: [], warnings: [] } } : {}),
  }),
  paper: (has) => ({
    place: "a",
    current: has === "nothing" ? undefined : "api:1",
    previous: has === "nothing" ? undefined : "api:0",
  }),
};

const inCluster = (id: string): object => ({
  release: { ...before, id },
  image: `registry/api@sha256:${id}`,
  port: 8080,
  size: { min: 1, max: 1 },
  user: { uid: 1000 },
});

function stateWith(release: Release): EdgeState {
  const replicas = [{ container: "decisions.r1.1", address: "172.30.80.2", port: 8080 }];
  const kept = { release, replicas, deployedAt: "2026-01-01T00:00:00Z" };
  return {
    ...EMPTY_STATE,
    services: { decisions: { service: "decisions", current: release.id, releases: [kept] } },
  };
}

function orderFor(want: Want, target: string): Order {
  return {
    want,
    manifest: { ...parseManifest("service: decisions\nmachine: vm\nimage: api:1\n", "dray.yaml"), target, folder: "/" },
    golden: [],
    answers: "must-match",
    keys: undefined,
    alerts: undefined,
    rollout: "at-once",
    weights: [],
    from: { who: "me", at: "" },
    making: {
      perArchitecture: false,
      build: () => Promise.reject(new Error("a plan builds nothing")),
      release: () => fresh,
      push: () => Promise.reject(new Error("a plan pushes nothing")),
    },
    mode: "plan",
    consent: "given",
    once: (_key, act) => act(),
  };
}

const frozen = <T>(value: T): T => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each);
  }
  return value;
};

// Kubernetes is held to the contract before the catalogue offers it.
const TARGETS: Record<string, AnyTarget> = { ...CATALOGUE.targets, kubernetes, paper: new Paper().target };

describe.each(Object.entries(TARGETS))("%s", (key, target) => {
  const seenBy = (has: "nothing" | "a release", want: Want): unknown => SEEN[key]?.(has, want);

  test("is called in the manifest as in the catalogue, and says in words what it is", () => {
    expect(target.kind).toBe(key);
    expect(target.title).not.toBe("");
  });

  test.each(ABILITIES)("has %s, or one sentence on what there is instead", (ability) => {
    const sentence = target.lacks[ability];
    expect(target.can[ability] === undefined).toBe(sentence !== undefined);
    if (sentence !== undefined) expect(sentence).toMatch(/^\S.*[^.]$/);
  });

  test("a manifest has at least one place there, each with its own name", () => {
    const places = target.places(orderFor({ verb: "deploy" }, key).manifest);
    expect(places.length).toBeGreaterThan(0);
    expect(new Set(places.map(({ name }) => name)).size).toBe(places.length);
  });

  test.each<[Want["verb"], "nothing" | "a release"]>([
    ["deploy", "nothing"],
    ["deploy", "a release"],
    ["rollback", "a release"],
  ])("a plan to %s where there is %s is plain data, made of what was seen alone", (verb, has) => {
    const want = { verb } as Want;
    const order = frozen(orderFor(want, key));
    const seen = frozen(seenBy(has, want));
    const plan = target.plan(order, seen);
    expect(target.plan(order, seen)).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(JSON.parse(JSON.stringify(structuredClone(plan))));
    expect(plan.service).toBe("decisions");
    expect(plan.release).not.toBe("");
    const steps = plan.stages.flatMap((stage) => stage.steps);
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect([step.kind, step.on, step.title].every((text) => text !== "")).toBe(true);
  });

  test("what has the traffic is switched only after something that may be taken back", () => {
    const want: Want = { verb: "deploy" };
    const { stages } = target.plan(orderFor(want, key), seenBy("a release", want));
    expect(stages.some(({ onFailure }) => onFailure === "undo")).toBe(true);
    // Past the switch nothing is taken back any more: whatever comes last only warns, or is the switch or its proof.
    const firstWarning = stages.findIndex(({ onFailure }) => onFailure === "warn");
    const lastUndo = stages.findLastIndex(({ onFailure }) => onFailure === "undo");
    expect(firstWarning === -1 || firstWarning > lastUndo || stages[firstWarning]?.title === "clear away").toBe(true);
  });
});
