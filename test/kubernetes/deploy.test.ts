import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Outcome, Want } from "../../packages/dray/src/contract/order.ts";
import type { Session } from "../../packages/dray/src/contract/session.ts";
import { carryOut } from "../../packages/dray/src/core/carry-out.ts";
import { releaseId } from "../../packages/dray/src/core/release.ts";
import type { Manifest } from "../../packages/dray/src/manifest/schema.ts";
import { kubernetes } from "../../packages/dray/src/targets/kubernetes/kubernetes.ts";
import { parseManifest } from "../../packages/dray/src/yaml/load.ts";
import { appImage, must, REGISTRY_IMAGE } from "../world/images.ts";
import { install } from "../world/kubernetes/addons.ts";
import { type RealCluster, startCluster } from "../world/kubernetes/cluster.ts";
import { imagesFolder } from "../world/kubernetes/images.ts";
import { worldFolder } from "../world/owner.ts";

// The whole way on a real cluster: two nodes, Envoy Gateway, images from a registry.

let cluster: RealCluster;
let folder: string;
let registry: string;
const name = `dray-kube-registry-${randomBytes(4).toString("hex")}`;

/** A registry without a login at a port of this computer; nodes find it by the same name. */
async function startRegistry(): Promise<{ at: string; url: string }> {
  const open = [
    "env",
    "-u",
    "REGISTRY_AUTH",
    "-u",
    "REGISTRY_AUTH_HTPASSWD_REALM",
    "-u",
    "REGISTRY_AUTH_HTPASSWD_PATH",
  ];
  await must([
    "docker",
    "run",
    "-d",
    "--name",
    name,
    "-p",
    "127.0.0.1::5000",
    REGISTRY_IMAGE,
    ...open,
    "docker-registry",
    "serve",
    "/config.yml",
  ]);
  const at = (await must(["docker", "port", name, "5000/tcp"])).split("\n")[0] ?? "";
  return { at, url: "http://registry.world:5000" };
}

beforeAll(async () => {
  folder = await worldFolder();
  const { at, url } = await startRegistry();
  registry = `${at}/models`;
  cluster = await startCluster("nodes", { images: await imagesFolder(), registry: { container: name, at, url } });
  process.env["KUBECONFIG"] = cluster.kubeconfig;
  await install(cluster);
  await cluster.kubectl(["create", "namespace", "team"]);
  for (const version of ["1", "2"]) {
    const image = `${registry}/decisions:${version}`;
    await must(["docker", "tag", appImage(version), image]);
    await must(["docker", "push", "-q", image]);
    await must(["docker", "rmi", image]);
  }
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await must(["docker", "rm", "-f", "-v", name]);
  await rm(folder, { recursive: true, force: true });
});

const session = (): Session => ({
  signal: new AbortController().signal,
  emit: () => undefined,
  secrets: new Map(),
  who: "me",
  startedAt: performance.now(),
  hostKeys: "known-only",
});

function manifestOf(version: string): Manifest {
  const text = parseManifest(
    `service: decisions\nmachine: vm\nimage: ${registry}/decisions:${version}\nready: /health\nreplicas: 2\n`,
    "dray.yaml",
  );
  const address = `http://${cluster.addresses.nodes[0]}:30080`;
  return { ...text, target: "kubernetes", parts: { kubernetes: { namespace: "team", address } }, folder };
}

async function carried(want: Want, manifest: Manifest): Promise<Outcome & { ms: number }> {
  const how = session();
  const startedAt = performance.now();
  const from = { who: "me", at: new Date().toISOString() };
  const { limits, env } = manifest;
  const settings = {
    port: 8080,
    ready: "/health",
    replicas: manifest.replicas,
    env,
    secrets: [],
    limits: { timeoutMs: limits.timeout, readyMs: limits.ready, drainMs: 5000, shm: 2 ** 26 },
  };
  const order = {
    want,
    manifest,
    golden: [],
    weights: [],
    answers: "must-match" as const,
    keys: undefined,
    alerts: undefined,
    rollout: "at-once" as const,
    from,
    making: {
      perArchitecture: false,
      build: () => Promise.resolve({ built: { reference: manifest.image ?? "" }, cargo: undefined }),
      release: () => ({
        id: releaseId(Date.now(), Math.random),
        service: "decisions",
        image: manifest.image ?? "",
        digest: "",
        settings,
        from,
      }),
      push: () => Promise.reject(new Error("nothing is pushed")),
    },
    mode: "perform" as const,
    consent: "given" as const,
    once: <T>(_key: string, act: () => Promise<T>) => act(),
  };
  const [place] = kubernetes.places(manifest);
  if (place === undefined) throw new TypeError("no place");
  await using observed = await kubernetes.observe(place, order, how);
  const plan = kubernetes.plan(order, observed.seen);
  const work = kubernetes.begin(order, observed.seen, how);
  await carryOut(plan, (step, inner) => kubernetes.perform(step, work, inner), how);
  return { ...(await kubernetes.outcome(work, "done", plan, how)), ms: Math.round(performance.now() - startedAt) };
}

/** Asks all the time, until it is stopped; how many got no good answer. */
function load(url: string): { stop: () => Promise<{ requests: number; failed: number }> } {
  const count = { requests: 0, failed: 0 };
  const over = new AbortController();
  const asking = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      const ok = await fetch(`${url}/decisions`, {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json" },
      })
        .then(async (answer) => (await answer.text(), answer.ok))
        .catch(() => false);
      count.requests += 1;
      if (!ok) count.failed += 1;
    }
  });
  return {
    stop: async () => {
      over.abort();
      await Promise.all(asking);
      return count;
    },
  };
}

test("a service is deployed, replaced under load, taken back, and removed with everything of its own", async () => {
  const before = await cluster.kubectl([
    "-n",
    "team",
    "get",
    "all,configmap,secret,lease,httproute,networkpolicy",
    "-o",
    "name",
  ]);
  const first = await carried({ verb: "deploy" }, manifestOf("1"));
  const under = load(first.url);
  const second = await carried({ verb: "deploy" }, manifestOf("2"));
  const back = await carried({ verb: "rollback" }, manifestOf("2"));
  const counted = await under.stop();
  await writeFile(
    path.join(folder, "figures.json"),
    JSON.stringify({ first: first.ms, second: second.ms, back: back.ms, ...counted }),
  );
  process.stderr.write(
    `${JSON.stringify({ deployMs: first.ms, secondMs: second.ms, rollbackMs: back.ms, ...counted })}\n`,
  );
  expect(back.release).toBe(first.release);
  expect(counted.failed).toBe(0);
  expect(counted.requests).toBeGreaterThan(100);
  const [place] = kubernetes.places(manifestOf("1"));
  if (place === undefined) throw new TypeError("no place");
  const removal = await kubernetes.remove({ service: "decisions", place, manifest: manifestOf("1") }, session());
  await removal.perform(session());
  const left = async (): Promise<string> =>
    await cluster.kubectl(["-n", "team", "get", "all,configmap,secret,lease,httproute,networkpolicy", "-o", "name"]);
  await expect.poll(left, { timeout: 60_000 }).toBe(before);
});
