import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Ended } from "../../../packages/dray/src/base/process.ts";
import { worldFolder } from "../owner.ts";
import { laptopEnv, runDray, type Running, startDray } from "../vm.ts";
import { install } from "./addons.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { imagesFolder } from "./images.ts";
import { startOpenRegistry } from "./registry.ts";

/** The port of either node at which the Gateway answers. */
const GATEWAY_PORT = 30_080;

/** A cluster with everything that a team finds in one: nodes, DNS, numbers, a Gateway, and a registry beside it. */
export interface KubernetesWorld extends AsyncDisposable {
  cluster: RealCluster;
  /** Where images are pushed to: `HOST/FOLDER`. */
  registry: string;
  /** Where clients come in. */
  gateway: string;
}

/** One that is there already: its kubeconfig, the URL of its Gateway infra/public, and a registry that its nodes can read. */
export const THEIRS = ["DRAY_TEST_KUBECONFIG", "DRAY_TEST_GATEWAY", "DRAY_TEST_REGISTRY"] as const;

export async function startWorld(): Promise<KubernetesWorld> {
  const [kubeconfig, gateway, registry] = THEIRS.map((name) => process.env[name]);
  if (kubeconfig !== undefined && gateway !== undefined && registry !== undefined)
    return { cluster: await startCluster("nodes"), gateway, registry, [Symbol.asyncDispose]: () => Promise.resolve() };
  const images = await imagesFolder();
  await using stack = new AsyncStack();
  const open = stack.use(await startOpenRegistry());
  const cluster = stack.use(await startCluster("nodes", { images, registry: open }));
  await install(cluster);
  const left = stack.moved();
  return {
    cluster,
    gateway: `http://${cluster.addresses.nodes[0]}:${GATEWAY_PORT}`,
    registry: `${open.at}/models`,
    [Symbol.asyncDispose]: () => left[Symbol.asyncDispose](),
  };
}

/** What was opened, closed in reverse: also when the next one does not open. Node 20 has no AsyncDisposableStack. */
class AsyncStack implements AsyncDisposable {
  #all: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(opened: T): T {
    this.#all.push(opened);
    return opened;
  }

  /** All of it, for somebody else to close. */
  moved(): AsyncStack {
    const other = new AsyncStack();
    other.#all = this.#all;
    this.#all = [];
    return other;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#all.toReversed()) await each[Symbol.asyncDispose]();
  }
}

/** A computer that has a kubeconfig, and nothing else known. */
export interface KubernetesLaptop extends AsyncDisposable {
  folder: string;
  dray(...argv: string[]): Promise<Ended>;
  drayRunning(...argv: string[]): Running;
  /** The result of a command that went well. */
  json<T>(...argv: string[]): Promise<T>;
  write(name: string, content: string): Promise<void>;
  read(name: string): Promise<string>;
}

/** `kubeconfig`: the file's content. */
export async function openKubernetesLaptop(kubeconfig: string): Promise<KubernetesLaptop> {
  const folder = await worldFolder();
  const at = (name: string): string => path.join(folder, name);
  await writeFile(at("ssh_config"), "");
  await writeFile(at("kubeconfig"), kubeconfig);
  const env = { ...laptopEnv(at("ssh_config")), KUBECONFIG: at("kubeconfig") };
  const dray = (...argv: string[]): Promise<Ended> => runDray(folder, env, argv);
  return {
    folder,
    dray,
    drayRunning: (...argv) => startDray(folder, env, argv),
    json: async <T>(...argv: string[]): Promise<T> => {
      const ended = await dray(...argv, "--json");
      if (ended.code !== 0)
        throw new Error(`dray ${argv.join(" ")} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`);
      return JSON.parse(ended.stdout) as T;
    },
    write: (name, content) => writeFile(at(name), content),
    read: (name) => readFile(at(name), "utf8"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The kubeconfig of a user of one namespace, who may do what a Role says and nothing else. */
export async function kubeconfigFor(cluster: RealCluster, namespace: string, role: object): Promise<string> {
  const name = "deployer";
  const body = { ...role, metadata: { name, namespace } };
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", name, namespace }],
  };
  await cluster.kubectl(["-n", namespace, "create", "serviceaccount", name]);
  for (const object of [body, binding]) await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(object));
  const token = await cluster.kubectl(["-n", namespace, "create", "token", name]);
  const admin = JSON.parse(await readFile(cluster.kubeconfig, "utf8")) as { clusters: object[] };
  return JSON.stringify({
    ...admin,
    users: [{ name, user: { token } }],
    contexts: [{ name: "world", context: { cluster: "world", user: name, namespace } }],
  });
}
