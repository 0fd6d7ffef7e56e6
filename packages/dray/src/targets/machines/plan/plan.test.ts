import { expect, test } from "vitest";
import { numbered } from "../../../core/plan.ts";
import { beforeReload, edgeConfig, switchCommands } from "../../../edge/config.ts";
import { EMPTY_STATE, type EdgeState } from "../../../edge/state.ts";
import type { Seen } from "./observe.ts";
import { withCandidate, withoutCandidate, withRelease } from "../traffic/switch.ts";
import { releaseOf } from "../../../../../../test/contract/releases.ts";
import { planDeploy } from "./plan.ts";
import type { Wish } from "./steps.ts";

const release = releaseOf("r2", { replicas: 2 }, { image: "api:2", digest: `sha256:${"2".repeat(64)}` });
const wish: Wish = {
  release,
  source: { via: "direct", bytes: 1e6 },
  again: false,
  edge: { port: 80, image: "edge" },
};
const seen: Seen = {
  machine: "vm",
  architecture: "amd64",
  edge: "none",
  state: EMPTY_STATE,
  containers: [],
  imageStore: "layers",
  networks: {},
  freeBytes: 1e9,
};

test("a first deploy makes the edge, proves every replica before the switch, and ends with the unlock", () => {
  const plan = planDeploy(wish, seen);
  expect(plan.stages.map((stage) => stage.steps.map((step) => step.kind))).toEqual([
    ["edge"],
    ["lock", "carry"],
    ["network"],
    ["start", "start"],
    ["prove", "prove"],
    ["switch"],
    ["unlock"],
  ]);
  expect(plan.changes).toContainEqual({ what: "release", after: "r2" });
});

test("a rollback carries nothing and shows what changes", () => {
  const old = { ...release, id: "r1", settings: { ...release.settings, replicas: 1 } };
  const state = withRelease(EMPTY_STATE, { release: old, replicas: [], deployedAt: "" });
  const plan = planDeploy({ ...wish, again: true, source: { via: "here" } }, { ...seen, edge: "running", state });
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
  expect(() => planDeploy(wish, { ...seen, ...differs })).toThrow(expect.objectContaining({ code }));
});

test.each([
  ["the container my-api", /edge: \{port: 8080\}.*docker stop my-api.*nobody serves for as long as/],
  ["the edge of this machine listens on port 81", /^stop what holds it/],
])("%s holds the port: how it is handed over, and with which gap", (portHolder, hint) => {
  expect(() => planDeploy(wish, { ...seen, portHolder })).toThrow(
    expect.objectContaining({ hint: expect.stringMatching(hint) as unknown }),
  );
});

test("a colleague's release that would be replaced is told, with its commit and ours", () => {
  const from = { who: "ann@desk", at: "2026-11-30T14:03:22.123Z", commit: "abc1234", dirty: true };
  const live = { ...release, id: "r1", from };
  const state = withRelease(EMPTY_STATE, { release: live, replicas: [], deployedAt: "" });
  const mine = { ...release, from: { ...release.from, commit: "def5678" } };
  const plan = planDeploy({ ...wish, release: mine }, { ...seen, edge: "running", state });
  expect(plan.notes).toEqual([
    "this replaces r1 of ann@desk, made 2026-11-30 14:03 UTC, commit abc1234 with changes; yours is commit def5678",
  ]);
  const own = withRelease(EMPTY_STATE, { release: { ...live, from: mine.from }, replicas: [], deployedAt: "" });
  expect(planDeploy({ ...wish, release: mine }, { ...seen, edge: "running", state: own }).notes).toBeUndefined();
});

const kept = (id: string, count: number): Parameters<typeof withRelease>[1] => ({
  release: { ...release, id },
  replicas: Array.from({ length: count }, (_, index) => ({
    container: `${id}-${index}`,
    address: `10.0.0.${index}`,
    port: 80,
  })),
  deployedAt: "",
});
const serving = withRelease(EMPTY_STATE, kept("r1", 2));
const rollout = {
  order: "start-first" as const,
  canary: [5, 50],
  every: 1000,
  maxErrors: 0.01,
  maxP95: 1.5,
  minimum: 50,
  bake: 1000,
};

test("a rollout gives shares before the switch and watches after it; the first release and the same one have no rival", () => {
  const kinds = (state: EdgeState, id: string): string[] =>
    planDeploy({ ...wish, release: { ...release, id }, rollout }, { ...seen, edge: "running", state }).stages.map(
      (stage) => stage.steps[0]?.kind ?? "",
    );
  expect(kinds(serving, "r2").slice(4)).toEqual(["canary", "canary", "switch", "bake", "unlock"]);
  expect(kinds(EMPTY_STATE, "r2")).not.toContain("canary");
  expect(kinds(serving, "r1")).not.toContain("canary");
});

test("a candidate's share is spread over replicas as weights, changed without a reload, and drained before it is taken off", () => {
  const [five, half] = [5, 50].map((share) => withCandidate(serving, kept("r2", 1), share));
  if (five === undefined || half === undefined) throw new TypeError();
  const weights = (state: EdgeState): string[] =>
    edgeConfig(state)
      .split("\n")
      .filter((line) => line.startsWith("  server r"))
      .map((line) => line.replace(/ \S+:80 pool-purge-delay 200ms pool-conn-name \S+/, "").trim());
  expect(weights(serving)).toEqual(["server r1.1", "server r1.2"]);
  expect(weights(five)).toEqual(["server r1.1 weight 256", "server r1.2 weight 256", "server r2.1 weight 27"]);
  expect(weights(half)).toEqual(["server r1.1 weight 128", "server r1.2 weight 128", "server r2.1 weight 256"]);
  expect(switchCommands(serving, five, "decisions")).toBeUndefined();
  expect(switchCommands(five, half, "decisions")).toContain("set server s_decisions/r2.1 weight 256");
  // A server that is added at run time is told what one in the configuration is told.
  expect(switchCommands(five, half, "decisions")).toContain(
    "add server s_decisions/r2.1 10.0.0.0:80 pool-purge-delay 200ms pool-conn-name var(txn.alone)",
  );
  // One replica each: but for its weight the server could be added at run time, and the weight would outlive the trial.
  const alone = withRelease(EMPTY_STATE, kept("r1", 1));
  const tried = withCandidate(alone, kept("r2", 1), 5);
  expect(switchCommands(alone, tried, "decisions")).toBeUndefined();
  expect(switchCommands(tried, alone, "decisions")).toBeUndefined();
  expect(switchCommands(tried, withRelease(tried, kept("r2", 1)), "decisions")).toBeUndefined();
  const off = { ...serving, services: { decisions: withoutCandidate(half.services["decisions"]) } } as EdgeState;
  expect(off).toEqual(serving);
  expect(beforeReload(half, off, "decisions")).toEqual(["set server s_decisions/r2.1 state drain"]);
  expect(beforeReload(half, withRelease(half, kept("r2", 1)), "decisions")).toEqual([]);
  expect(withRelease(half, kept("r2", 1)).services["decisions"]).toMatchObject({ current: "r2", previous: "r1" });
});

test("a trial that was left behind makes way for the next release; one of a kept release leaves it kept", () => {
  const left = withCandidate(serving, kept("r2", 1), 5);
  const next = withCandidate(left, kept("r3", 1), 5).services["decisions"];
  expect(next?.releases.map((each) => each.release.id)).toEqual(["r1", "r3"]);
  expect(withRelease(left, kept("r3", 1)).services["decisions"]?.releases.map((each) => each.release.id)).toEqual([
    "r1",
    "r3",
  ]);
  const back = withCandidate(withRelease(serving, kept("r2", 1)), kept("r1", 2), 5);
  expect(
    withoutCandidate(back.services["decisions"])
      ?.releases.map((each) => each.release.id)
      .toSorted(),
  ).toEqual(["r1", "r2"]);
});

test("old and new that do not fit together are refused, with the way that costs an outage named; stop-first takes it", () => {
  const big = {
    ...release,
    settings: { ...release.settings, limits: { ...release.settings.limits, memory: 2e9, gpus: 1 } },
  };
  const on =
    (more: object): (() => unknown) =>
    () =>
      planDeploy({ ...wish, release: big, rollout }, { ...seen, edge: "running", state: serving, ...more });
  const noRoom = expect.objectContaining({ code: "machine.no-room", hint: expect.stringContaining("stop-first") });
  expect(on({ freeMemory: 3e9 })).toThrow(noRoom);
  expect(on({ freeMemory: 5e9, gpus: 1 })).toThrow(noRoom);
  expect(on({ freeMemory: 5e9, gpus: 2 })).not.toThrow();
  const plan = planDeploy(
    { ...wish, release: big, rollout: { ...rollout, order: "stop-first", canary: [] } },
    { ...seen, edge: "running", state: serving, freeMemory: 1e9 },
  );
  expect(plan.stages.map((stage) => stage.steps[0]?.kind)).toContain("stop-old");
});

test("files that two releases would write at once are said in the plan; stop-first has nothing to say", () => {
  const settings = { ...release.settings, replicas: 1, run: { volumes: { data: { at: "/data", write: true } } } };
  const writes = { ...wish, release: { ...release, settings } };
  const busy = { ...seen, edge: "running" as const, state: serving };
  expect(planDeploy(writes, busy).notes).toEqual([expect.stringContaining("the volume data")]);
  expect(planDeploy(writes, seen).notes).toBeUndefined();
  const stopFirst = { ...rollout, order: "stop-first" as const, canary: [] };
  expect(planDeploy({ ...writes, rollout: stopFirst }, busy).notes).toBeUndefined();
});

test("before: runs with the secrets handed over and before anything is stopped or started; a rollback does not run it", () => {
  const old = { ...release, id: "r1" };
  const state = withRelease(EMPTY_STATE, { release: old, replicas: [], deployedAt: "" });
  const settings = { ...release.settings, secrets: ["KEY"], run: { before: ["python", "migrate.py"] } };
  const asked = { ...wish, release: { ...release, settings }, rollout: { ...rollout, order: "stop-first" as const } };
  const kinds = (more: Partial<Wish>): string[] =>
    planDeploy({ ...asked, ...more }, { ...seen, edge: "running", state }).stages.flatMap(({ steps }) =>
      steps.map(({ kind }) => kind),
    );
  const order = kinds({}).filter((kind) => ["secrets", "before", "stop-old", "start"].includes(kind));
  expect(order).toEqual(["secrets", "before", "stop-old", "start", "start"]);
  expect(kinds({ again: true, source: { via: "here" } })).not.toContain("before");
  expect(kinds({ rotates: ["KEY"] })).not.toContain("before");
});

const ID = "a".repeat(64);
const weighty: Wish = {
  ...wish,
  keeper: { image: "dray/keeper:1", first: false },
  weightBytes: { [ID]: 4e8 },
  release: {
    ...release,
    settings: {
      ...release.settings,
      weights: { qwen: { id: ID, from: "https://models.example.com/qwen.gguf", at: "/models" } },
    },
  },
};

test("the number that a step gets when the plan is carried out leaves the weights that it means as they are", () => {
  const steps = numbered(planDeploy(weighty, seen)).stages.flatMap((stage) => stage.steps);
  expect(steps.find(({ kind }) => kind === "weights")).toMatchObject({ id: expect.any(String), content: ID });
});

test("weights that a machine lacks come before anything else is touched, and those that are there cost no step", () => {
  const kinds = (there: readonly string[]): string[] =>
    planDeploy(weighty, { ...seen, weights: there }).stages.flatMap(({ steps }) => steps.map(({ kind }) => kind));
  expect(kinds([])).toEqual([
    "edge",
    "lock",
    "carry",
    "weights",
    "network",
    "start",
    "start",
    "prove",
    "prove",
    "switch",
    "keeper",
    "unlock",
  ]);
  expect(kinds([ID])).not.toContain("weights");
  const plan = planDeploy(weighty, seen);
  expect(plan.stages.flatMap(({ steps }) => steps).map(({ title }) => title)).toContain(
    "fetch the weights qwen (400 MB)",
  );
  const after = `https://models.example.com/qwen.gguf (${ID.slice(0, 12)}) at /models`;
  expect(plan.changes).toContainEqual({ what: "weights.qwen", after });
});

test("weights and image that do not fit on the disk together are refused before anything comes", () => {
  expect(() => planDeploy(weighty, { ...seen, freeBytes: 4.01e8 })).toThrow("image and weights need about 403 MB");
  expect(planDeploy(weighty, { ...seen, freeBytes: 4.1e8 }).release).toBe("r2");
});
