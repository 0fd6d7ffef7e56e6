// A release replaced and taken back on a real cluster, under load: dray, kubectl and helm, A/B/A/B in one run.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sleep } from "drayage-clock";
import { appImage, must } from "../test/world/images.ts";
import { prepareKubernetes } from "../test/world/kubernetes/prepared.ts";
import {
  type KubernetesLaptop,
  type KubernetesWorld,
  openKubernetesLaptop,
  startWorld,
} from "../test/world/kubernetes/world.ts";
import { openWire } from "../test/world/wire.ts";
import { drayOf, helmOf, imageOf, kubectlOf, NAMESPACE, type Side } from "./kubernetes/sides.ts";
import { openTraffic, type Traffic } from "./kubernetes/traffic.ts";
import { median } from "./median.ts";

const PER_SECOND = 300;
const SETTLE_MS = 1500;
const FAR_MS = 50;
const GOLDEN = [{ request: { method: "POST", path: "/decisions", body: {} }, expect: { status: 200 } }];
const { signal } = new AbortController();

type Say = (line: string) => void;

/** A side, and what its clients met. */
interface Turn {
  side: Side;
  traffic: Traffic;
  serving: Record<"deploy" | "rollback", number[]>;
}

/** Measures two deploys and a rollback of each side a round; times are medians, in milliseconds. */
export async function benchKubernetes(rounds: number, say: Say): Promise<Record<string, number>> {
  await prepareKubernetes();
  say("a cluster with two nodes, two Envoys and a registry");
  await using world = await startWorld();
  await world.cluster.kubectl(["create", "namespace", NAMESPACE]);
  for (const version of ["1", "2"]) await push(imageOf(world.registry, version), appImage(version));
  const folder = await mkdtemp(path.join(tmpdir(), "dray-bench-"));
  const kubeconfig = await readFile(world.cluster.kubeconfig, "utf8");
  await using near = await laptopOf(kubeconfig);
  await using far = await farFrom(world, kubeconfig);
  const sides = [
    drayOf(near, "dray", world, world.gateway),
    kubectlOf(world),
    await helmOf(world, folder),
    { ...drayOf(far.laptop, "far", world, far.gateway), name: "far" },
  ];
  const turns = sides.map((side): Turn => {
    const traffic = openTraffic(`${world.gateway}${side.prefix}`, PER_SECOND);
    return { side, traffic, serving: { deploy: [], rollback: [] } };
  });
  try {
    for (const { side } of turns) await side.deploy("1");
    for (let round = 1; round <= rounds; round++) await oneRound(turns, round, say);
    // Long answers that are in flight are waited for, and count.
    for (const { traffic } of turns) await traffic[Symbol.asyncDispose]();
    for (const { side, traffic } of turns) for (const why of traffic.problems) say(`${side.prefix}: ${why}`);
    return figuresOf(turns);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function push(image: string, from: string): Promise<void> {
  await must(["docker", "tag", from, image]);
  await must(["docker", "push", "-q", image]);
  await must(["docker", "rmi", image]);
}

async function laptopOf(kubeconfig: string): Promise<KubernetesLaptop> {
  const laptop = await openKubernetesLaptop(kubeconfig);
  await laptop.write("golden.json", JSON.stringify(GOLDEN));
  return laptop;
}

/** A computer to which the API server and the Gateway are a round trip of 50 ms away. */
async function farFrom(
  { gateway }: KubernetesWorld,
  kubeconfig: string,
): Promise<{ laptop: KubernetesLaptop; gateway: string } & AsyncDisposable> {
  const config = JSON.parse(kubeconfig) as { clusters: { cluster: { server: string } }[] };
  const server = new URL(config.clusters[0]?.cluster.server ?? "");
  const door = new URL(gateway);
  const wires = await Promise.all([server, door].map((to) => openWire(to.hostname, Number(to.port), FAR_MS)));
  const [api = 0, http = 0] = wires.map(({ port }) => port);
  for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${api}`;
  const laptop = await laptopOf(JSON.stringify(config));
  return {
    laptop,
    gateway: `http://127.0.0.1:${http}`,
    [Symbol.asyncDispose]: async () => {
      await laptop[Symbol.asyncDispose]();
      for (const wire of wires) await wire[Symbol.asyncDispose]();
    },
  };
}

/** 1 -> 2 -> 1, and back to 2 by a rollback; then 1 again, for the next round. */
async function oneRound(turns: readonly Turn[], round: number, say: Say): Promise<void> {
  const acts = [
    ["deploy", "1", (side: Side) => side.deploy("2")],
    ["deploy", "2", (side: Side) => side.deploy("1")],
    ["rollback", "1", (side: Side) => side.rollback()],
    ["deploy", "2", (side: Side) => side.deploy("1")],
  ] as const;
  for (const [verb, old, act] of acts)
    for (const turn of turns) {
      const ms = await served(turn.traffic, old, async () => await act(turn.side));
      turn.serving[verb].push(ms);
      say(`round ${round}: ${turn.side.name === "" ? "dray" : turn.side.name} ${verb}: ${ms} ms`);
    }
}

/** From the start of a command to the last answer of the version that it replaces. */
async function served(traffic: Traffic, old: string, act: () => Promise<void>): Promise<number> {
  traffic.hold();
  traffic.start();
  await sleep(SETTLE_MS, signal);
  const startedAt = performance.now();
  await act();
  await sleep(SETTLE_MS, signal);
  await traffic.stop();
  const last = traffic.lastOf(old);
  if (last === undefined) throw new Error(`version ${old} never answered`);
  return Math.round(last - startedAt);
}

function figuresOf(turns: readonly Turn[]): Record<string, number> {
  const of = (name: string): Turn => {
    const found = turns.find(({ side }) => side.name === name);
    if (found === undefined) throw new TypeError(name);
    return found;
  };
  const [dray, kubectl, helm, far] = [of(""), of("kubectl"), of("helm"), of("far")];
  const own = [dray, far];
  const sum = (each: (turn: Turn) => number, all: readonly Turn[]): number =>
    all.reduce((before, turn) => before + each(turn), 0);
  return {
    servingMs: median(dray.serving.deploy),
    kubectlServingMs: median(kubectl.serving.deploy),
    helmServingMs: median(helm.serving.deploy),
    rollbackServingMs: median(dray.serving.rollback),
    kubectlRollbackServingMs: median(kubectl.serving.rollback),
    helmRollbackServingMs: median(helm.serving.rollback),
    sent: sum(({ traffic }) => traffic.sent, own),
    failed: sum(({ traffic }) => traffic.failed, own),
    kubectlFailed: kubectl.traffic.failed,
    helmFailed: helm.traffic.failed,
    streams: sum(({ traffic }) => traffic.cut + traffic.whole, own),
    streamsCut: sum(({ traffic }) => traffic.cut, own),
    kubectlStreamsCut: kubectl.traffic.cut,
    helmStreamsCut: helm.traffic.cut,
    rttPenaltyMs: median(far.serving.deploy) - median(dray.serving.deploy),
    deploys: dray.serving.deploy.length,
    rollbacks: dray.serving.rollback.length,
  };
}
