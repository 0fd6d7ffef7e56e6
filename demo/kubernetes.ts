// The same story on a real cluster: an API server, two nodes, Envoy Gateway, a registry beside them, and a namespace to deploy to.
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { deployerRole } from "../packages/dray/src/targets/kubernetes/objects/role.ts";
import { prepareKubernetes } from "../test/world/kubernetes/prepared.ts";
import {
  kubeconfigFor,
  type KubernetesLaptop,
  openKubernetesLaptop,
  startWorld,
} from "../test/world/kubernetes/world.ts";
import { startLoad } from "../test/world/load.ts";

const EXAMPLE = fileURLToPath(new URL("../examples/decisions-onnx", import.meta.url));
const NAMESPACE = "models";
const PER_SECOND = 100;
const SETTLE_MS = 1000;

type Say = (text: string) => void;

/** The figures of the demo, as its JSON has them. */
export interface Told {
  requests: number;
  failed: number;
  deployMs: number;
  switchMs: number;
  rollbackMs: number;
}

interface Done {
  servingMs: number;
  ms: number;
}

/** Deploys, calls, replaces under load and goes back, in a namespace of a cluster that is made for it. */
export async function demoKubernetes(say: Say): Promise<Told> {
  say("a Kubernetes cluster in containers of this computer; its programs are built from source the first time");
  await prepareKubernetes();
  await using world = await startWorld();
  await world.cluster.kubectl(["create", "namespace", NAMESPACE]);
  const role = deployerRole(NAMESPACE);
  await using laptop = await openKubernetesLaptop(await kubeconfigFor(world.cluster, NAMESPACE, role));
  await cp(EXAMPLE, laptop.folder, { recursive: true });
  await laptop.write("dray.yaml", manifestFor(world));
  say(
    `namespace ${NAMESPACE}, Gateway infra/public at ${world.gateway}; whoever deploys has the Role that dray init prints`,
  );
  const first = await did(laptop, say, "deploy");
  await look(laptop, say, "request");
  const load = startLoad(`${world.gateway}/`, PER_SECOND);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const schema = await readFile(path.join(EXAMPLE, "schema.yaml"), "utf8");
  await laptop.write("schema.yaml", schema.replace("Loan decisions", "Loan decisions, version 2"));
  const second = await did(laptop, say, "deploy");
  const back = await did(laptop, say, "rollback");
  await look(laptop, say, "status");
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const met = await load.stop();
  for (const problem of met.problems) say(`  ${problem}`);
  await look(laptop, say, "remove", "--yes");
  return {
    requests: met.sent,
    failed: met.failed,
    deployMs: first.ms,
    switchMs: second.servingMs,
    rollbackMs: back.servingMs,
  };
}

function manifestFor({ registry, gateway }: { registry: string; gateway: string }): string {
  return [
    "service: decisions",
    "target: kubernetes",
    `kubernetes: { namespace: ${NAMESPACE}, gateway: infra/public, address: "${gateway}" }`,
    `registry: ${registry}`,
    "model: model.onnx",
    "replicas: 2",
    "",
  ].join("\n");
}

async function did(laptop: KubernetesLaptop, say: Say, verb: string): Promise<Done> {
  say(`$ dray ${verb}`);
  const startedAt = performance.now();
  const { servingMs } = await laptop.json<{ servingMs: number }>(verb);
  const ms = Math.round(performance.now() - startedAt);
  say(`  serving after ${servingMs} ms, done after ${ms} ms`);
  return { servingMs, ms };
}

async function look(laptop: KubernetesLaptop, say: Say, ...argv: string[]): Promise<void> {
  say(`$ dray ${argv.join(" ")}`);
  const ended = await laptop.dray(...argv);
  if (ended.code !== 0) throw new Error(`dray ${argv.join(" ")} failed\n${ended.stdout}\n${ended.stderr}`);
  say(ended.stdout.trim());
}
