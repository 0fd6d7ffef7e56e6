import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { thisProcess } from "../packages/dray/src/base/computer.ts";
import type { Order, Outcome, Want } from "../packages/dray/src/contract/order.ts";
import type { Session } from "../packages/dray/src/contract/session.ts";
import { carryOut } from "../packages/dray/src/core/carry-out.ts";
import type { Golden } from "../packages/dray/src/core/golden.ts";
import type { News } from "../packages/dray/src/core/happening.ts";
import type { Manifest } from "../packages/dray/src/manifest/schema.ts";
import { kubernetes } from "../packages/dray/src/targets/kubernetes/kubernetes.ts";
import { parseManifest } from "../packages/dray/src/yaml/load.ts";
import { Cluster } from "./contract/cluster.ts";

let cluster: Cluster;
let folder: string;
let told: News[] = [];
const before = process.env["KUBECONFIG"];

beforeEach(async () => {
  cluster = await Cluster.start();
  folder = await mkdtemp(path.join(tmpdir(), "dray-kube-"));
  await writeFile(path.join(folder, "config"), cluster.kubeconfig);
  process.env["KUBECONFIG"] = path.join(folder, "config");
  told = [];
});

afterEach(async () => {
  if (before === undefined) delete process.env["KUBECONFIG"];
  else process.env["KUBECONFIG"] = before;
  await cluster[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const session = (secrets: Record<string, string> = { TOKEN: "s3cret" }): Session => ({
  signal: new AbortController().signal,
  emit: (news) => void told.push(news),
  secrets: new Map(Object.entries(secrets).map(([name, value]) => [name, { reveal: () => value }])),
  who: "me",
  startedAt: performance.now(),
  hostKeys: "known-only",
});

function manifestOf(more: object = {}, own: object = {}): Manifest {
  const text = parseManifest(
    `service: decisions\nmachine: vm\nimage: ${cluster.image}\nport: 8080\nready: /health\n`,
    "dray.yaml",
  );
  return { ...text, ...more, target: "kubernetes", parts: { kubernetes: own }, folder };
}

const golden: Golden = {
  request: { method: "POST", path: "/decisions", body: {} },
  expect: { status: 200, tolerance: 0 },
};

function orderOf(id: string, want: Want, manifest: Manifest, mode: Order["mode"] = "perform"): Order {
  const settings = {
    port: 8080,
    ready: "/health",
    replicas: manifest.replicas,
    env: {},
    secrets: Object.keys(manifest.secrets),
    limits: { timeoutMs: 1000, readyMs: 300, drainMs: 1000 },
  };
  return {
    want,
    manifest,
    golden: want.verb === "deploy" ? [golden] : [],
    weights: [],
    answers: "must-match",
    keys: undefined,
    alerts: undefined,
    rollout: "at-once",
    from: { who: "me", at: "" },
    making: {
      perArchitecture: false,
      build: () => Promise.resolve({ built: { reference: cluster.image }, cargo: undefined }),
      release: () => ({ id, service: "decisions", image: "api:1", digest: "", settings, from: { who: "me", at: "" } }),
      push: () => Promise.reject(new Error("nothing is pushed")),
    },
    mode,
    consent: "given",
    once: (_key, act) => act(),
  };
}

async function carried(order: Order, secrets?: Record<string, string>): Promise<Outcome> {
  const [place] = kubernetes.places(order.manifest);
  if (place === undefined) throw new TypeError("no place");
  const how = session(secrets);
  await using observed = await kubernetes.observe(place, order, how);
  const plan = kubernetes.plan(order, observed.seen);
  const work = kubernetes.begin(order, observed.seen, how);
  if (order.mode === "plan") return await kubernetes.outcome(work, "planned", plan, how);
  await carryOut(plan, (step, inner) => kubernetes.perform(step, work, inner), how, kubernetes.undoMs);
  return await kubernetes.outcome(work, "done", plan, how);
}

const deploy = async (
  id: string,
  manifest: Manifest = manifestOf(),
  secrets?: Record<string, string>,
): Promise<Outcome> => await carried(orderOf(id, { verb: "deploy" }, manifest), secrets);
const rollback = async (to?: string): Promise<Outcome> =>
  await carried(orderOf("", { verb: "rollback", ...(to === undefined ? {} : { to }) }, manifestOf()));
const subject = (): Parameters<typeof kubernetes.status>[0] => {
  const manifest = manifestOf();
  return { service: "decisions", manifest, place: { name: "cluster", at: "/" } };
};
const retire = async (keep = 5): Promise<void> =>
  await kubernetes.retire?.(subject().place, { service: "decisions", keep }, session());
const served = async (): Promise<string | null> =>
  (await fetch(`${cluster.gatewayUrl}/decisions`)).headers.get("x-dray-release");
const record = (): unknown => JSON.parse(cluster.get("configmaps", "decisions-drayage")?.data?.["record.json"] ?? "{}");
const podsOf = (release: string): unknown => cluster.get("deployments", `decisions-${release}`)?.spec?.["replicas"];

test("a release is a Deployment and a Service of its own; the route goes from one to the next and back", async () => {
  const first = await deploy("r1");
  expect(first).toMatchObject({ release: "r1", url: cluster.gatewayUrl, service: "decisions" });
  expect(await served()).toBe("r1");
  expect((await deploy("r2")).before).toBe("r1");
  expect(await served()).toBe("r2");
  expect(record()).toEqual({ v: 1, current: "r2", previous: "r1", standby: true, served: ["r1", "r2"] });
  expect(cluster.names("deployments")).toEqual(["decisions-r1", "decisions-r2"]);
  // The release before keeps its pods, so going back starts none.
  cluster.asked.length = 0;
  expect(await rollback()).toMatchObject({ release: "r1", before: "r2" });
  expect(await served()).toBe("r1");
  expect(cluster.asked.filter((each) => /deployments/.test(each))).toEqual(["GET deployments"]);
  expect(told.some((news) => news.type === "serving" && news.release === "r1")).toBe(true);
});

test("nobody gets the traffic before the golden request is answered, and what was begun is taken back", async () => {
  await deploy("r1");
  const there = [...cluster.things.keys()].filter((key) => !key.startsWith("leases"));
  cluster.answer = (release) => ({ status: release === "r2" ? 500 : 200, body: "{}" });
  await expect(deploy("r2")).rejects.toMatchObject({ code: "release.golden-wrong" });
  expect(await served()).toBe("r1");
  expect([...cluster.things.keys()].filter((key) => !key.startsWith("leases"))).toEqual(there);
  expect(cluster.get("leases", "decisions-drayage")?.spec?.["holderIdentity"]).toBe("");
});

test("a first release that fails leaves nothing behind", async () => {
  cluster.fate = () => "crashes";
  await expect(deploy("r1")).rejects.toMatchObject({ code: "release.crashed", details: ["one", "two"] });
  expect([...cluster.things.keys()]).toEqual(["gateways/infra/public"]);
});

test.each([
  ["no-image", "image.not-found"],
  ["refused", "kubernetes.quota"],
  ["no-room", "kubernetes.no-room"],
  ["no-secret", "kubernetes.not-found"],
] as const)("pods that are doomed (%s) are not waited for", async (fate, code) => {
  cluster.fate = () => fate;
  const startedAt = performance.now();
  await expect(deploy("r1")).rejects.toMatchObject({ code });
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

test("a Secret that is there again is no reason to give up, whatever an older event says", async () => {
  cluster.fate = () => "no-secret";
  cluster.put("secrets", { metadata: { name: "decisions-login", namespace: "team" } });
  const deploying = deploy("r1");
  await expect
    .poll(() => cluster.asked.filter((each) => each === "GET secrets/decisions-login").length, { timeout: 20_000 })
    .toBeGreaterThan(1);
  cluster.refusing.set("GET secrets/decisions-login", { code: 404, reason: "NotFound", message: "not found" });
  await expect(deploying).rejects.toMatchObject({ code: "kubernetes.not-found" });
});

test.each(["not-asked", "never-ready"] as const)(
  "the kubelet's own words say why a pod was not ready (%s)",
  async (fate) => {
    cluster.fate = () => fate;
    await expect(deploy("r1")).rejects.toMatchObject({
      code: "release.not-ready",
      message: "no pod was ready within 0.3 s: HTTP probe failed with statuscode: 404",
    });
  },
);

test("a switch that was not noted before the command was killed is seen: clients get what the route says", async () => {
  await deploy("r1");
  await deploy("r2");
  const map = cluster.get("configmaps", "decisions-drayage");
  if (map === undefined) throw new TypeError("no record");
  cluster.put("configmaps", { ...map, data: { "record.json": JSON.stringify({ v: 1, current: "r1" }) } });
  expect(await rollback()).toMatchObject({ release: "r1", before: "r2" });
  expect(await served()).toBe("r1");
});

test("somebody else's lock is respected, and a dead one's runs out", async () => {
  await deploy("r1");
  const lease = cluster.get("leases", "decisions-drayage");
  if (lease === undefined) throw new TypeError("no lease");
  const held = (renewTime: string): object => ({ holderIdentity: "ann", leaseDurationSeconds: 30, renewTime });
  cluster.put("leases", { ...lease, spec: { ...held(new Date().toISOString()) } });
  await expect(deploy("r2")).rejects.toMatchObject({
    code: "service.locked",
    message: expect.stringContaining("ann") as string,
  });
  cluster.put("leases", { ...lease, spec: { ...held("2026-01-01T00:00:00.000000Z") } });
  await deploy("r2");
  expect(await served()).toBe("r2");
});

test("a record that somebody else wrote meanwhile is not overwritten, and the route goes back", async () => {
  await deploy("r1");
  cluster.answer = (release) => {
    const map = cluster.get("configmaps", "decisions-drayage");
    if (release === "r2" && map !== undefined) cluster.put("configmaps", map);
    return { status: 200, body: "{}" };
  };
  await expect(deploy("r2")).rejects.toMatchObject({ code: "kubernetes.changed" });
  expect(await served()).toBe("r1");
});

test("what a killed command left is told, never gone back to, and taken away by the next", async () => {
  await deploy("r1");
  for (const [plural, kind] of [
    ["configmaps", "ConfigMap"],
    ["deployments", "Deployment"],
  ] as const) {
    const thing = cluster.get(plural, "decisions-r1");
    if (thing === undefined) throw new TypeError(`no ${kind}`);
    const data = { "release.json": (thing.data?.["release.json"] ?? "").replace('"id":"r1"', '"id":"r9"') };
    const metadata = { ...thing.metadata, name: "decisions-r9" };
    cluster.put(plural, { ...thing, metadata, ...(plural === "configmaps" ? { data } : {}) });
  }
  expect((await kubernetes.status(subject(), "service", session())).data).toMatchObject({
    releases: [
      { release: "r1", state: "traffic" },
      { release: "r9", state: "stray" },
    ],
  });
  await expect(rollback("r9")).rejects.toMatchObject({ code: "release.unknown" });
  const { plan } = await deploy("r2");
  expect(plan.notes).toContain("r9 is taken away: a command that was killed left it");
  expect(cluster.names("configmaps")).not.toContain("decisions-r9");
});

test("a lock whose process has ended on this computer is not waited for", async () => {
  await deploy("r1");
  const lease = cluster.get("leases", "decisions-drayage");
  if (lease === undefined) throw new TypeError("no lease");
  const ended = spawnSync("true").pid;
  const held = { holderIdentity: "me", leaseDurationSeconds: 30, renewTime: new Date().toISOString() };
  const annotations = { "drayage/process": (await thisProcess()).replace(/\/\d+$/, `/${ended}`) };
  cluster.put("leases", { ...lease, metadata: { ...lease.metadata, annotations }, spec: held });
  await deploy("r2");
  expect(await served()).toBe("r2");
});

test("whoever plans before somebody else's change does not carry it out after it", async () => {
  await deploy("r1");
  const order = orderOf("r3", { verb: "deploy" }, manifestOf());
  const how = session();
  await using observed = await kubernetes.observe(subject().place, order, how);
  const plan = kubernetes.plan(order, observed.seen);
  await deploy("r2");
  const work = kubernetes.begin(order, observed.seen, how);
  await expect(
    carryOut(plan, (step, inner) => kubernetes.perform(step, work, inner), how, kubernetes.undoMs),
  ).rejects.toMatchObject({ code: "kubernetes.changed" });
  expect(cluster.names("deployments")).toEqual(["decisions-r1", "decisions-r2"]);
});

test("releases without traffic lose their pods, and go beyond those that are kept", async () => {
  for (const id of ["r1", "r2", "r3"]) await deploy(id);
  await retire();
  expect([podsOf("r1"), podsOf("r2"), podsOf("r3")]).toEqual([0, 1, 1]);
  await retire(2);
  expect(cluster.names("deployments")).toEqual(["decisions-r2", "decisions-r3"]);
});

test("a release whose pods were ended is started again before it gets the traffic", async () => {
  for (const id of ["r1", "r2", "r3"]) await deploy(id, manifestOf({ replicas: 2 }));
  await retire();
  await rollback("r1");
  expect(podsOf("r1")).toBe(2);
  expect(await served()).toBe("r1");
});

test("a plan is the server's own dry run: it changes nothing, and says what the server would refuse", async () => {
  const plan = async (): Promise<Outcome> => await carried(orderOf("r1", { verb: "deploy" }, manifestOf(), "plan"));
  const { plan: shown } = await plan();
  expect(shown.changes.map(({ what }) => what)).toEqual([
    "image",
    "pods",
    "route",
    "ConfigMap",
    "NetworkPolicy",
    "Deployment",
    "Service",
  ]);
  expect([...cluster.things.keys()]).toEqual(["gateways/infra/public"]);
  const message =
    'deployments.apps "decisions-r1" is forbidden: User "eve" cannot patch resource "deployments" in API group "apps" in the namespace "team"';
  cluster.refusing.set("PATCH deployments/decisions-r1", { code: 403, reason: "Forbidden", message });
  await expect(plan()).rejects.toMatchObject({
    code: "kubernetes.denied",
    message: "eve may not patch deployments.apps in team",
  });
});

test("a secret's value is in the release's own Secret alone", async () => {
  await deploy("r1", manifestOf({ secrets: { TOKEN: { env: "TOKEN", as: "env" } } }));
  expect(cluster.get("secrets", "decisions-r1-env")?.data).toEqual({ TOKEN: Buffer.from("s3cret").toString("base64") });
  const others = [...cluster.things].filter(([key]) => !key.startsWith("secrets/"));
  expect(JSON.stringify([others, told])).not.toMatch(/s3cret|czNjcmV0/);
});

test("a secret gets a new value by the live release beside itself; the others keep theirs, which only the cluster knows", async () => {
  await deploy("r1", manifestOf({ secrets: { TOKEN: { env: "TOKEN", as: "env" }, KEY: { env: "KEY", as: "env" } } }), {
    TOKEN: "one",
    KEY: "k",
  });
  const order = orderOf("", { verb: "rotate", secret: "TOKEN" }, manifestOf());
  const outcome = await carried(order, { TOKEN: "two" });
  expect(outcome.before).toBe("r1");
  const values = (id: string): string[] =>
    Object.values(cluster.get("secrets", `decisions-${id}-env`)?.data ?? {}).map((each) =>
      Buffer.from(each, "base64").toString(),
    );
  expect([values("r1"), values(outcome.release)]).toEqual([
    ["one", "k"],
    ["two", "k"],
  ]);
  await expect(carried(orderOf("", { verb: "rotate", secret: "NONE" }, manifestOf()))).rejects.toMatchObject({
    code: "secrets.unknown",
  });
});

test("a gateway that does not reach a release yet says 503 in its name, which proves nothing", async () => {
  let late = 3;
  cluster.answer = (_release, asked) => ({ status: asked === "/health" && late-- > 0 ? 503 : 200, body: "{}" });
  await deploy("r1");
  expect(late).toBeLessThan(0);
});

describe("what is there", () => {
  beforeEach(async () => {
    await deploy("r1");
    await deploy("r2");
  });

  test("status says which release has the traffic, and which one stands by", async () => {
    const { data } = await kubernetes.status(subject(), "service", session());
    expect(data).toMatchObject({
      url: cluster.gatewayUrl,
      releases: [
        { release: "r1", state: "standby", pods: "1/1" },
        { release: "r2", state: "traffic", pods: "1/1" },
      ],
    });
  });

  test("logs are those of the live release's pods", async () => {
    const lines: string[] = [];
    const options = { follow: false, tail: 10, edge: false };
    await kubernetes.logs(subject(), options, (from, line) => void lines.push(`${from}: ${line}`), session());
    expect(lines).toEqual(["0: one", "0: two"]);
  });

  test("a request goes through the gateway", async () => {
    const reached = await kubernetes.reach(subject(), "by-name", session());
    const called = await reached.call({ method: "GET", path: "/x", headers: {}, timeoutMs: 1000 });
    expect(called).toMatchObject({ status: 200, release: "r2" });
  });

  test("the way is walked from the API server to a prediction", async () => {
    await writeFile(path.join(folder, "golden.json"), JSON.stringify([golden]));
    const { hops, reached } = await kubernetes.trace(
      { manifest: manifestOf({ golden: "golden.json" }), headers: {} },
      session(),
    );
    expect(hops.map(({ hop, verdict }) => `${hop} ${verdict}`)).toEqual([
      "api server ok",
      "release ok",
      "route ok",
      "gateway ok",
      "prediction ok",
    ]);
    expect(reached).toBe(true);
  });

  test("remove takes away everything of ours, and nothing of others", async () => {
    cluster.put("configmaps", {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "decisions-settings", namespace: "team" },
    });
    const prepared = await kubernetes.remove(subject(), session());
    await prepared.perform(session());
    expect([...cluster.things.keys()]).toEqual(["gateways/infra/public", "configmaps/team/decisions-settings"]);
    await expect(kubernetes.remove(subject(), session())).rejects.toMatchObject({ code: "service.unknown" });
  });
});
