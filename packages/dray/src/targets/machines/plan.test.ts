import { expect, test } from "vitest";
import type { Release } from "../../core/release.ts";
import { EMPTY_STATE } from "../../machine/edge-config.ts";
import type { Seen } from "./observe.ts";
import { withRelease } from "./perform.ts";
import { planMachine, type Wish } from "./plan.ts";

const release: Release = {
  id: "r2",
  service: "decisions",
  image: "api:2",
  digest: `sha256:${"2".repeat(64)}`,
  settings: { replicas: 2, env: {}, secrets: [], limits: { timeoutMs: 1000, readyMs: 1000, drainMs: 1000 } },
  from: { who: "me", at: "2026-01-01T00:00:00Z" },
};
const wish: Wish = {
  release,
  source: { via: "direct", bytes: 1e6 },
  again: false,
  edge: { port: 80, image: "edge" },
  keep: 5,
};
const seen: Seen = {
  machine: "vm",
  architecture: "amd64",
  edge: "none",
  state: EMPTY_STATE,
  containers: [],
  imageStore: "layers",
  freeBytes: 1e9,
};

test("a first deploy makes the edge, proves every replica before the switch, and ends with the unlock", () => {
  const plan = planMachine(wish, seen);
  expect(plan.stages.map((stage) => stage.steps.map((step) => step.kind))).toEqual([
    ["edge"],
    ["lock", "carry"],
    ["start", "start"],
    ["prove", "prove"],
    ["switch"],
    ["record"],
    ["unlock"],
  ]);
  expect(plan.changes).toContainEqual({ what: "release", after: "r2" });
});

test("a rollback carries nothing and shows what changes", () => {
  const old = { ...release, id: "r1", settings: { ...release.settings, replicas: 1 } };
  const state = withRelease(EMPTY_STATE, { release: old, replicas: [], deployedAt: "" });
  const plan = planMachine({ ...wish, again: true, source: { via: "here" } }, { ...seen, edge: "running", state });
  expect(plan.stages.flatMap((stage) => stage.steps.map((step) => step.kind))).not.toContain("carry");
  expect(plan.changes).toContainEqual({ what: "replicas", before: "1", after: "2" });
});

test.each([
  ["machine.disk-full", { freeBytes: 1e6 }],
  ["machine.port-taken", { portHolder: "the container nginx" }],
  [
    "service.route-taken",
    { state: withRelease(EMPTY_STATE, { release: { ...release, service: "other" }, replicas: [], deployedAt: "" }) },
  ],
] as const)("%s is refused before anything is done", (code, differs) => {
  expect(() => planMachine(wish, { ...seen, ...differs })).toThrow(expect.objectContaining({ code }));
});
