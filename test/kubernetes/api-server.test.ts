import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Kube } from "../../packages/dray/src/targets/kubernetes/client/api.ts";
import { follow } from "../../packages/dray/src/targets/kubernetes/client/follow.ts";
import type { KubeObject } from "../../packages/dray/src/targets/kubernetes/client/kinds.ts";
import { readKubeconfig } from "../../packages/dray/src/targets/kubernetes/client/kubeconfig.ts";
import { takeLease } from "../../packages/dray/src/targets/kubernetes/lease.ts";
import { recordName } from "../../packages/dray/src/targets/kubernetes/objects/names.ts";
import { recordMap } from "../../packages/dray/src/targets/kubernetes/objects/record.ts";
import { releaseMap, releaseObjects } from "../../packages/dray/src/targets/kubernetes/objects/release.ts";
import { routeTo } from "../../packages/dray/src/targets/kubernetes/objects/route.ts";
import { type RealCluster, startCluster } from "../world/kubernetes/cluster.ts";
import { gatewayApi } from "../world/kubernetes/manifests.ts";
import { kubeWanted, releaseOf } from "../contract/releases.ts";

// What a real API server makes of our objects and requests. No node is needed for that.

const WANTED = kubeWanted(
  releaseOf("r1", {
    ready: "/health",
    replicas: 2,
    env: { MODE: "fast" },
    secrets: ["TOKEN", "KEY"],
    secretFiles: ["KEY"],
    readOnly: true,
    run: { command: ["serve"], args: ["--port", "8080"], hosts: { "db.internal": "10.0.0.5" }, runtime: "runsc" },
    limits: {
      timeoutMs: 600_000,
      readyMs: 90_000,
      drainMs: 30_000,
      memory: 2 ** 29,
      cpus: 0.5,
      shm: 2 ** 26,
      disk: 2 ** 30,
      gpus: 1,
    },
  }),
  {
    image: `registry.test/decisions@sha256:${"1".repeat(64)}`,
    size: { min: 2, max: 6 },
    user: { uid: 1000, gid: 1000 },
    pullSecret: "login",
  },
);
const SECRETS = new Map([
  ["TOKEN", { reveal: () => "t" }],
  ["KEY", { reveal: () => "k" }],
]);
const FRONT = {
  service: "decisions",
  gateway: { namespace: "infra", name: "public" },
  domain: "api.test",
  prefix: "/loans",
  timeoutMs: 600_000,
};
const OBJECTS: KubeObject[] = [
  recordMap("decisions", { standby: true, served: [] }),
  releaseMap(WANTED, undefined),
  ...releaseObjects(WANTED, SECRETS, undefined),
  routeTo(FRONT, "r1", undefined),
];

// A cluster may be somebody's own, and have namespaces of these names.
const [TEAM, SMALL] = ["team", "small"].map((name) => `${name}-${randomBytes(2).toString("hex")}`) as [string, string];

let cluster: RealCluster;
let kube: Kube;
const { signal } = new AbortController();

beforeAll(async () => {
  cluster = await startCluster("control");
  await cluster.kubectl(["apply", "--server-side", "-f", await gatewayApi()]);
  await cluster.kubectl(["create", "namespace", TEAM]);
  kube = Kube.open(await readKubeconfig(undefined, { KUBECONFIG: cluster.kubeconfig }), TEAM, signal);
});
afterAll(async () => {
  kube[Symbol.dispose]();
  await cluster.kubectl(["delete", "namespace", TEAM, SMALL, "--wait=false", "--ignore-not-found"]);
  await cluster[Symbol.asyncDispose]();
});

/** A user of the namespace alone, with these rules. */
async function userWith(rules: object[]): Promise<Kube> {
  const name = `user-${Math.random().toString(36).slice(2, 8)}`;
  const objects = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } },
    { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name }, rules },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace: TEAM }],
    },
  ];
  for (const object of objects) await cluster.kubectl(["-n", TEAM, "apply", "-f", "-"], JSON.stringify(object));
  const token = await cluster.kubectl(["-n", TEAM, "create", "token", name]);
  const { server, ca = "" } = await readKubeconfig(undefined, { KUBECONFIG: cluster.kubeconfig });
  return Kube.open({ context: name, server, ca, namespace: TEAM, insecure: false, login: { token } }, TEAM, signal);
}

test.each(OBJECTS.map((object) => [object.kind, object] as const))(
  "strict validation takes every field of our %s",
  async (_kind, object) => {
    const made = await kube.apply(object, "dry");
    expect(made.metadata.name).toBe(object.metadata.name);
  },
);

test("pods of a user with a number are restricted, as the server's own policy judges", async () => {
  await cluster.kubectl(["label", "namespace", TEAM, "pod-security.kubernetes.io/warn=restricted", "--overwrite"]);
  kube.wire.warnings.clear();
  for (const object of releaseObjects(WANTED, SECRETS, undefined)) await kube.apply(object, "dry");
  expect([...kube.wire.warnings]).toEqual([]);
  for (const object of releaseObjects({ ...WANTED, user: {} }, SECRETS, undefined)) await kube.apply(object, "dry");
  expect([...kube.wire.warnings].join()).toMatch(/would violate PodSecurity "restricted/);
});

describe("refusals", () => {
  test("a login that the server does not know", async () => {
    const { server, ca = "" } = await readKubeconfig(undefined, { KUBECONFIG: cluster.kubeconfig });
    using stranger = Kube.open(
      { context: "x", server, ca, namespace: TEAM, insecure: false, login: { token: "none" } },
      TEAM,
      signal,
    );
    await expect(stranger.list("Pod")).rejects.toMatchObject({ code: "kubernetes.login" });
  });

  test("a permission that the user lacks", async () => {
    using user = await userWith([{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }]);
    await user.list("Pod");
    await expect(user.list("Secret")).rejects.toMatchObject({
      code: "kubernetes.denied",
      message: expect.stringContaining(`may not list secrets in ${TEAM}`) as string,
    });
  });

  test("a field of somebody else's", async () => {
    const [deployment] = releaseObjects(
      { ...WANTED, size: { min: 2, max: 2 }, release: { ...WANTED.release, id: "r9" } },
      SECRETS,
      undefined,
    ).filter(({ kind }) => kind === "Deployment");
    if (deployment === undefined) throw new TypeError("no Deployment");
    await kube.apply(deployment);
    await cluster
      .kubectl(
        ["-n", TEAM, "apply", "--server-side", "--force-conflicts", "--field-manager", "argocd", "-f", "-"],
        JSON.stringify({ ...deployment, spec: { replicas: 4, selector: {}, template: {} } }),
      )
      .catch(() => undefined);
    await cluster.kubectl(["-n", TEAM, "scale", "deployment", "decisions-r9", "--replicas=5"]);
    await expect(kube.apply(deployment)).rejects.toMatchObject({
      code: "kubernetes.taken",
      message: expect.stringContaining(".spec.replicas") as string,
    });
  });

  test("a quota, and a name that is not allowed", async () => {
    await cluster.kubectl(["create", "namespace", SMALL]);
    await cluster.kubectl(["-n", SMALL, "create", "quota", "few", "--hard=configmaps=2"]);
    using small = Kube.open(await readKubeconfig(undefined, { KUBECONFIG: cluster.kubeconfig }), SMALL, signal);
    // The quota counts only once its controller has looked at the namespace.
    let made = 0;
    const another = async (): Promise<string> =>
      await small.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `map-${++made}` } }).then(
        () => "made",
        (error: unknown) => (error as { code: string }).code,
      );
    await expect.poll(another, { timeout: 15_000 }).toBe("kubernetes.quota");
    const bad = { ...releaseMap(WANTED, undefined), metadata: { name: "Bad_Name" } };
    await expect(kube.apply(bad)).rejects.toMatchObject({
      code: "kubernetes.invalid",
      message: expect.stringContaining("metadata.name") as string,
    });
  });
});

test("of two that take the lock only one has it, and a record is not written over another", async () => {
  const taken = await Promise.allSettled(["ann", "bob"].map((who) => takeLease(kube, "decisions", who, signal)));
  expect(taken.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const map = await kube.create(recordMap("decisions", { standby: true, served: [] }));
  const version = map.metadata.resourceVersion;
  await kube.replace(recordMap("decisions", { current: "r1", standby: true, served: [] }, version));
  await expect(
    kube.replace(recordMap("decisions", { current: "r2", standby: true, served: [] }, version)),
  ).rejects.toMatchObject({
    code: "kubernetes.changed",
  });
});

test("what is of a release goes when its own ConfigMap goes", async () => {
  const wanted = { ...WANTED, release: { ...WANTED.release, id: "r2" } };
  const map = await kube.apply(releaseMap(wanted, undefined));
  const { apiVersion, kind, metadata } = map;
  for (const object of releaseObjects(wanted, SECRETS, {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid ?? "",
  }))
    await kube.apply(object);
  expect(await kube.find("Deployment", "decisions-r2")).toBeDefined();
  await kube.remove("ConfigMap", metadata.name);
  const left = async (): Promise<number> => {
    const lists = await Promise.all(
      (["Deployment", "Service", "Secret", "NetworkPolicy"] as const).map((each) =>
        kube.list(each, { selector: "drayage/release=r2" }),
      ),
    );
    return lists.flatMap(({ items }) => items).length;
  };
  await expect.poll(left, { timeout: 20_000 }).toBe(0);
});

test("a change is seen while it happens", async () => {
  const seen = follow<string>(
    kube,
    { kind: "ConfigMap", which: { name: "news" }, seen: (maps: readonly KubeObject[]) => maps[0]?.metadata.name },
    signal,
  );
  await cluster.kubectl(["-n", TEAM, "create", "configmap", "news"]);
  expect(await seen).toBe("news");
});

test("the cluster is the version that it was built as", async () => {
  expect(await kube.raw("/version")).toMatchObject({ major: "1", minor: "34" });
  expect(await readFile(cluster.kubeconfig, "utf8")).toContain("6443");
  expect(recordName("decisions")).toBe("decisions-drayage");
});
