import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asFailure } from "../../packages/dray/src/base/failure.ts";
import { Kube } from "../../packages/dray/src/targets/kubernetes/client/api.ts";
import type { KubeObject } from "../../packages/dray/src/targets/kubernetes/client/kinds.ts";
import { readKubeconfig } from "../../packages/dray/src/targets/kubernetes/client/kubeconfig.ts";
import type { PodObject } from "../../packages/dray/src/targets/kubernetes/diagnose.ts";
import { ofRelease, releaseName } from "../../packages/dray/src/targets/kubernetes/objects/names.ts";
import { ownerOf } from "../../packages/dray/src/targets/kubernetes/objects/record.ts";
import { releaseMap, releaseObjects } from "../../packages/dray/src/targets/kubernetes/objects/release.ts";
import type { KubeWanted } from "../../packages/dray/src/targets/kubernetes/objects/wanted.ts";
import { untilReady } from "../../packages/dray/src/targets/kubernetes/ready.ts";
import type { DeploymentObject } from "../../packages/dray/src/targets/kubernetes/sight.ts";
import { appImage, must } from "../world/images.ts";
import { type KubernetesWorld, startWorld } from "../world/kubernetes/world.ts";
import { kubeWanted, releaseOf } from "../contract/releases.ts";

// Each fault of a pod is made for real, and what the cluster says of it is kept: the unit tests read that record.

const RECORD = fileURLToPath(new URL("../fixtures/kubernetes-faults.json", import.meta.url));
const PATIENCE_MS = 60_000;
const NAMESPACE = `faults-${randomBytes(2).toString("hex")}`;

let world: KubernetesWorld;
let kube: Kube;
const recorded: Record<string, { code: string; pods: PodObject["status"][]; deployment: unknown }> = {};
const { signal } = new AbortController();

beforeAll(async () => {
  world = await startWorld();
  const { cluster, registry } = world;
  for (const mode of ["1", "crash", "never-ready", "localhost"]) {
    const image = `${registry}/${mode}:1`;
    await must(["docker", "tag", appImage(mode), image]);
    await must(["docker", "push", "-q", image]);
    await must(["docker", "rmi", image]);
  }
  kube = Kube.open(await readKubeconfig(undefined, { KUBECONFIG: cluster.kubeconfig }), NAMESPACE, signal);
  await cluster.kubectl(["create", "namespace", NAMESPACE]);
});
afterAll(async () => {
  kube[Symbol.dispose]();
  await world.cluster.kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
  await world[Symbol.asyncDispose]();
  if (process.env["DRAY_TEST_RECORD"] !== undefined)
    await writeFile(RECORD, `${JSON.stringify(recorded, undefined, 2)}\n`);
});

type Settings = KubeWanted["release"]["settings"];

function wantedOf(image: string, settings: Partial<Settings> = {}, more: Partial<KubeWanted> = {}): KubeWanted {
  const id = randomBytes(4).toString("hex");
  const limits = { readyMs: 4000, ...settings.limits };
  const release = releaseOf(id, { ready: "/health", env: { POLITE: "1" }, ...settings, limits });
  return kubeWanted(release, { image: `${world.registry}/${image}`, user: { uid: 1000 }, ...more });
}

interface Fault {
  wanted: () => KubeWanted;
  /** Done to the namespace before, and taken back after. */
  given?: { before: string[]; after: string[] };
  /** The objects as somebody has changed them. */
  but?: (objects: KubeObject[]) => KubeObject[];
  code: string;
}

const limits = (own: Partial<Settings["limits"]>): Partial<Settings> => ({
  limits: { timeoutMs: 1000, readyMs: 4000, drainMs: 1000, ...own },
});

const FAULTS: Record<string, Fault> = {
  "image not in the registry": { wanted: () => wantedOf("none:1"), code: "image.not-found" },
  "image of another name": {
    wanted: () => wantedOf("", {}, { image: "Not An Image" }),
    code: "image.bad-name",
  },
  "no room: memory": { wanted: () => wantedOf("1:1", limits({ memory: 2 ** 42 })), code: "kubernetes.no-room" },
  "no room: gpus": { wanted: () => wantedOf("1:1", limits({ gpus: 1 })), code: "kubernetes.no-room" },
  "root, where nobody may be": {
    wanted: () => wantedOf("1:1", {}, { user: {} }),
    but: (objects) => objects.map((each) => withPod(each, { securityContext: { runAsNonRoot: true } })),
    code: "kubernetes.policy",
  },
  "a secret without the key that is asked for": {
    wanted: () => wantedOf("1:1", { secrets: ["TOKEN"] }),
    but: (objects) => objects.map((each) => (each.kind === "Secret" ? Object.assign(each, { data: {} }) : each)),
    code: "release.crashed",
  },
  "a secret that is not there": {
    wanted: () => wantedOf("1:1", { secrets: ["TOKEN"] }),
    but: (objects) => objects.filter(({ kind }) => kind !== "Secret"),
    code: "kubernetes.not-found",
  },
  "a program that ends": { wanted: () => wantedOf("crash:1"), code: "release.crashed" },
  "a program that is not in the image": {
    wanted: () => wantedOf("1:1", { run: { command: ["/none"] } }),
    code: "image.no-command",
  },
  "more memory than its limit": {
    wanted: () =>
      wantedOf("1:1", {
        ...limits({ memory: 32 * 2 ** 20 }),
        run: { command: ["python3", "-c", "x = bytearray(200_000_000); import time; time.sleep(60)"] },
      }),
    code: "release.out-of-memory",
  },
  "an API that is never ready": { wanted: () => wantedOf("never-ready:1"), code: "release.not-ready" },
  "an API that listens on 127.0.0.1": { wanted: () => wantedOf("localhost:1"), code: "release.not-ready" },
  "another port": {
    wanted: () => wantedOf("1:1", { env: { POLITE: "1", PORT: "8080" } }, { port: 9090 }),
    code: "release.not-ready",
  },
  "a quota that is used up": {
    wanted: () => wantedOf("1:1"),
    given: { before: ["create", "quota", "none", "--hard=pods=0"], after: ["delete", "quota", "none"] },
    code: "kubernetes.quota",
  },
  "a namespace of restricted pods": {
    wanted: () => wantedOf("1:1", {}, { user: {} }),
    given: {
      before: ["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"],
      after: ["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce-"],
    },
    code: "kubernetes.policy",
  },
};

function withPod(object: KubeObject, more: object): KubeObject {
  if (object.kind !== "Deployment") return object;
  const deployment = structuredClone(object) as KubeObject & { spec: { template: { spec: object } } };
  deployment.spec.template.spec = { ...deployment.spec.template.spec, ...more };
  return deployment;
}

test.each(Object.entries(FAULTS))("%s", async (name, { wanted: make, given, but = (all) => all, code }) => {
  const wanted = make();
  const { service, id } = wanted.release;
  if (given !== undefined) await world.cluster.kubectl(["-n", NAMESPACE, ...given.before]);
  const map = await kube.apply(releaseMap(wanted, undefined));
  const secrets = new Map([["TOKEN", { reveal: () => "t" }]]);
  for (const object of but(releaseObjects(wanted, secrets, ownerOf(map)))) await kube.apply(object);
  const found = await within(PATIENCE_MS, signal, async (limited) => {
    return await untilReady(kube.under(limited), wanted, 1, limited).then(() => "ready", asFailure);
  });
  const { items } = await kube.list<PodObject>("Pod", { selector: ofRelease(service, id) });
  const deployment = await kube.find<DeploymentObject>("Deployment", releaseName(service, id));
  if (given !== undefined) await world.cluster.kubectl(["-n", NAMESPACE, ...given.after]);
  await kube.remove("ConfigMap", map.metadata.name);
  const seen = typeof found === "string" ? found : found.code;
  recorded[name] = { code: seen, pods: items.map(({ status }) => status), deployment: deployment?.status?.conditions };
  process.stderr.write(`${name}: ${typeof found === "string" ? found : `${found.code}: ${found.message}`}\n`);
  expect(seen).toBe(code);
});
