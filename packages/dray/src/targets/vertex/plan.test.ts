import { expect, test } from "vitest";
import type { Deployment } from "./deployment.ts";
import { planDeploy, planRollback, rolesOf, type Seen, undeployAll, type VertexStep } from "./plan.ts";
import { type Endpoint, modelBody, type Model, type VertexSettings } from "./resources.ts";

const settings: VertexSettings = {
  region: "us-central1",
  machineType: "n1-standard-2",
  minReplicas: 1,
  maxReplicas: 1,
  standby: true,
};
const order: Deployment = {
  image: "us-central1-docker.pkg.dev/p/r/s@sha256:3",
  golden: [],
  keep: 5,
  rollout: { canary: [10, 50], every: 1000, maxErrors: 0.01, maxP95: 1.5, minimum: 10 },
  release: {
    id: "3",
    service: "s",
    image: "s",
    digest: "sha256:3",
    settings: { replicas: 1, limits: { timeoutMs: 60_000, readyMs: 60_000, drainMs: 0 }, env: {}, secrets: [] },
    from: { who: "me", at: "" },
  },
};
const model = (id: string, versionId: string): Model => ({
  name: "models/s",
  versionId,
  labels: { drayage: "s", "drayage-release": id },
});
const deployed = (id: string): NonNullable<Endpoint["deployedModels"]>[number] => ({
  id: `d${id}`,
  model: "models/s",
  displayName: id,
});
const seen: Seen = {
  endpoint: {
    name: "endpoints/1",
    displayName: "s",
    labels: { drayage: "s", "drayage-current": "2", "drayage-previous": "1" },
    deployedModels: [deployed("1"), deployed("2")],
    trafficSplit: { d2: 100 },
  },
  models: [model("1", "1"), model("2", "2")],
};
const steps = (all: readonly { steps: readonly VertexStep[] }[]): string[] =>
  all.flatMap((stage) =>
    stage.steps.map((step) =>
      step.kind === "share" || step.kind === "watch" ? `${step.kind} ${step.share}` : step.kind,
    ),
  );

test("the first release makes the endpoint and has all of the traffic from the start", () => {
  expect(steps(planDeploy(order, { endpoint: undefined, models: [] }, settings).stages)).toEqual([
    "model",
    "endpoint",
    "deploy",
    "prove",
  ]);
});

test("the next goes by its shares, and what was deployed two releases ago is undeployed", () => {
  const plan = planDeploy(order, seen, settings);
  expect(steps(plan.stages)).toEqual([
    "model",
    "deploy",
    "share 10",
    "watch 10",
    "share 50",
    "watch 50",
    "share 100",
    "prove",
    "undeploy",
  ]);
  expect(plan.stages.at(-1)).toMatchObject({ onFailure: "warn", steps: [{ deployed: "d1" }] });
  const lean = planDeploy({ ...order, keep: 2 }, seen, { ...settings, standby: false });
  expect(steps(lean.stages).slice(-2)).toEqual(["undeploy", "undeploy"]);
});

test("what an interrupted deploy left is cleared away first, since it is paid for", () => {
  const stray = {
    ...seen,
    endpoint: { ...(seen.endpoint as Endpoint), deployedModels: [deployed("2"), deployed("x")] },
  };
  expect(planDeploy(order, stray, settings).stages[0]).toMatchObject({
    onFailure: "warn",
    steps: [{ kind: "undeploy", deployed: "dx", split: { d2: 100 } }],
  });
});

test("nothing is undeployed that has traffic: the last that is left gets it", () => {
  expect(undeployAll("r", [deployed("1"), deployed("2")], undefined, "removed")).toMatchObject([
    { deployed: "d1", split: { d2: 100 } },
    { deployed: "d2", split: undefined },
  ]);
});

test("a rollback is a change of shares where the release is deployed, else it is deployed again", () => {
  expect(steps(planRollback("s", undefined, seen, "r").plan.stages)).toEqual(["share 100"]);
  const cold = { ...seen, endpoint: { ...(seen.endpoint as Endpoint), deployedModels: [deployed("2")] } };
  expect(steps(planRollback("s", undefined, cold, "r").plan.stages)).toEqual(["deploy", "share 100"]);
  expect(() => planRollback("s", "2", seen, "r")).toThrow("has the traffic already");
  expect(() => planRollback("s", "9", seen, "r")).toThrow("9 is not kept");
  expect(() =>
    planRollback("s", undefined, { ...seen, models: [model("2", "2")], endpoint: cold.endpoint }, "r"),
  ).toThrow("is the first release");
});

test("of a canary that nobody judges any more a rollback goes back to what has the rest; a first release without a record is the current one", () => {
  const split = { d2: 90, dx: 10 };
  const trial = {
    ...seen,
    endpoint: { ...(seen.endpoint as Endpoint), deployedModels: [deployed("2"), deployed("x")], trafficSplit: split },
  };
  expect(planRollback("s", undefined, trial, "r")).toMatchObject({
    to: "2",
    plan: { stages: [{ steps: [{ share: 100 }] }] },
  });
  const first = {
    ...seen,
    endpoint: { name: "e", displayName: "s", deployedModels: [deployed("2")], trafficSplit: { d2: 100 } },
  };
  expect(rolesOf(first)).toMatchObject({ current: { id: "d2" }, strays: [] });
});

test("secrets are refused where a container's environment is plain to read", () => {
  const secret = { ...order.release, settings: { ...order.release.settings, secrets: ["DB_PASSWORD"] } };
  expect(() => modelBody({ ...order, release: secret }, settings, undefined)).toThrow("plain to read");
});

test("a container's program and arguments reach Vertex AI; what it has no place for is refused by name, and a model's own read-only root is not", () => {
  const withRun = (run: object): Deployment => ({
    ...order,
    release: { ...order.release, settings: { ...order.release.settings, readOnly: true, run } },
  });
  expect(modelBody(withRun({ command: ["serve"], args: ["--x"] }), settings, undefined)).toMatchObject({
    model: { containerSpec: { command: ["serve"], args: ["--x"] } },
  });
  expect(() => modelBody(withRun({ user: "1000" }), settings, undefined)).toThrow("cannot run a container with user");
});
