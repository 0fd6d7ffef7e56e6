import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { deployerRole } from "../../packages/dray/src/targets/kubernetes/objects/role.ts";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import {
  kubeconfigFor,
  type KubernetesLaptop,
  type KubernetesWorld,
  openKubernetesLaptop,
  startWorld,
} from "../world/kubernetes/world.ts";

// The whole way on a real cluster: two nodes, two Envoys of Envoy Gateway, images from a registry. Whoever deploys is a user of
// one namespace, which takes only restricted pods, with the Role that dray init prints, and nothing else.

const EVERYTHING = "all,configmap,secret,lease,httproute,networkpolicy,poddisruptionbudget,horizontalpodautoscaler";
const GOLDEN = [{ request: { method: "POST", path: "/decisions", body: {} }, expect: { status: 200 } }];
const PER_SECOND = 100;

let world: KubernetesWorld;
let namespace: string;
let laptop: KubernetesLaptop;
// An existing cluster may still have the namespaces of the run before.
const tag = randomBytes(2).toString("hex");
let made = 0;

beforeAll(async () => {
  world = await startWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

beforeEach(async () => {
  namespace = `team-${tag}-${++made}`;
  await world.cluster.kubectl(["create", "namespace", namespace]);
  await world.cluster.kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  laptop = await openKubernetesLaptop(await kubeconfigFor(world.cluster, namespace, deployerRole(namespace)));
  await laptop.write("golden.json", JSON.stringify(GOLDEN));
});
afterEach(async () => {
  await laptop[Symbol.asyncDispose]();
  await world.cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
});

/** The manifest of one version of the API; each namespace's service has a path of its own before the one Gateway. */
async function wanted(version: string, limits: string = "drain: 5s"): Promise<void> {
  const { registry, gateway } = world;
  await laptop.write(
    "dray.yaml",
    [
      `service: decisions`,
      `target: kubernetes`,
      `kubernetes: { namespace: ${namespace}, gateway: infra/public, address: "${gateway}" }`,
      `image: ${appImage(version)}`,
      `registry: ${registry}`,
      `prefix: /${namespace}`,
      `ready: /health`,
      `replicas: 2`,
      `user: 1000`,
      `limits: { ${limits} }`,
      `env: { POLITE: "1" }`,
      "",
    ].join("\n"),
  );
}

const there = async (): Promise<string[]> =>
  (await world.cluster.kubectl(["-n", namespace, "get", EVERYTHING, "-o", "name"])).split("\n").toSorted();

interface Row {
  release: string;
  state: string;
  pods: string;
}
const rows = async (): Promise<Row[]> => (await laptop.json<{ releases: Row[] }[]>("status"))[0]?.releases ?? [];

const load = (): ReturnType<typeof startLoad> =>
  startLoad(`${world.gateway}/${namespace}/decisions`, PER_SECOND, {}, { body: "{}", expect: "" });

test("deployed, called, replaced and taken back under load, and removed with everything of its own", async () => {
  const before = await there();
  await wanted("1");
  expect((await laptop.dray("plan")).stdout).toMatch(/what PodSecurity calls restricted/);
  expect(await there()).toEqual(before);
  const first = await laptop.json<{ release: string; servingMs: number }>("deploy");
  expect(await laptop.json("request")).toMatchObject([{ status: 200, release: first.release }]);

  const under = load();
  await wanted("2");
  const second = await laptop.json<{ release: string; servingMs: number }>("deploy");
  const back = await laptop.json<{ release: string; servingMs: number }>("rollback");
  const met = await under.stop();
  const figures = { deployMs: first.servingMs, secondMs: second.servingMs, rollbackMs: back.servingMs };
  process.stderr.write(`${JSON.stringify({ ...figures, requests: met.sent, failed: met.failed })}\n`);
  expect(met.problems).toEqual([]);
  expect(back.release).toBe(first.release);
  expect([...met.releases.keys()].toSorted()).toEqual([first.release, second.release].toSorted());
  expect(await rows()).toMatchObject([
    { release: first.release, state: "traffic", pods: "2/2" },
    { release: second.release, state: "standby", pods: "2/2" },
  ]);

  expect((await laptop.dray("logs")).code).toBe(0);
  expect((await laptop.dray("trace")).stdout).toMatch(/✓ prediction +200 after/);
  expect((await laptop.dray("remove")).code).not.toBe(0);
  const gone = await laptop.dray("remove", "-y");
  expect(gone.code, gone.stderr).toBe(0);
  // Pods end their requests first.
  await expect.poll(there, { timeout: 60_000, interval: 500 }).toEqual(before);
});

test.each(["lock", "release", "ready", "golden", "route", "record"])(
  "killed after %s: somebody serves all the time, and the same command again goes through at once",
  async (step) => {
    await wanted("1");
    await laptop.json("deploy");
    const under = load();
    await wanted("2");
    const running = laptop.drayRunning("deploy", "--json");
    running.onLine((line) => {
      if (line.includes('"type":"step.done"') && line.includes(`"step":"${step}"`)) running.kill("SIGKILL");
    });
    expect((await running.ended).code).not.toBe(0);
    const again = await laptop.json<{ release: string }>("deploy");
    const met = await under.stop();
    expect(met.problems).toEqual([]);
    const left = await rows();
    expect(left.filter(({ state }) => state === "traffic")).toMatchObject([{ release: again.release }]);
    expect(left.filter(({ state }) => state === "stray")).toEqual([]);
  },
);

describe("what cannot run", () => {
  test.each([
    ["crash", "drain: 5s", "release.crashed", /ended with code/],
    ["never-ready", "ready: 3s, drain: 5s", "release.not-ready", /no pod was ready within 3 s: .*statuscode: 503/],
    ["localhost", "ready: 3s, drain: 5s", "release.not-ready", /no pod was ready within 3 s: .*connection refused/],
  ])("an API that is %s", async (mode, limits, code, message) => {
    await wanted(mode, limits);
    const ended = await laptop.dray("deploy", "--json");
    expect(JSON.parse(ended.stdout)).toMatchObject({
      error: { code, message: expect.stringMatching(message) as string },
    });
    // Pods that ended already are taken away by the cluster in its own time.
    const left = async (): Promise<string[]> => (await there()).filter((each) => each.includes("decisions"));
    await expect.poll(left, { timeout: 60_000, interval: 500 }).toEqual([]);
  });
});

test("the Role that init prints is the one that all of this was done with", async () => {
  const ended = await laptop.dray(
    "init",
    "registry.example.test/models/api:1",
    "--target",
    "kubernetes",
    "--file",
    "new.yaml",
  );
  expect(ended.code, ended.stderr).toBe(0);
  const role = ended.stderr.slice(ended.stderr.indexOf("apiVersion: rbac"));
  expect(parse(role)).toEqual(deployerRole(namespace));
  expect(parse(await laptop.read("new.yaml"))).toMatchObject({ target: "kubernetes", kubernetes: { namespace } });
});
