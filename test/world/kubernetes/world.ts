import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Ended } from "../../../packages/dray/src/base/process.ts";
import { worldFolder } from "../owner.ts";
import { laptopEnv, runDray, type Running, startDray } from "../vm.ts";
import { install } from "./addons.ts";
import { type RealCluster, startCluster } from "./cluster.ts";
import { imagesFolder } from "./images.ts";
import { type OpenRegistry, startOpenRegistry } from "./registry.ts";

/** The port of either node at which the Gateway answers. */
const GATEWAY_PORT = 30_080;

/** A cluster with everything that a team finds in one: nodes, DNS, numbers, a Gateway, and a registry beside it. */
export interface KubernetesWorld extends AsyncDisposable {
  cluster: RealCluster;
  registry: OpenRegistry;
  /** Where clients come in. */
  gateway: string;
}

export async function startWorld(): Promise<KubernetesWorld> {
  const registry = await startOpenRegistry();
  try {
    const { container, at, url } = registry;
    const cluster = await startCluster("nodes", { images: await imagesFolder(), registry: { container, at, url } });
    const end = async (): Promise<void> => {
      await cluster[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    };
    try {
      await install(cluster);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return {
      cluster,
      registry,
      gateway: `http://${cluster.addresses.nodes[0]}:${GATEWAY_PORT}`,
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
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

export async function openKubernetesLaptop(kubeconfig: string): Promise<KubernetesLaptop> {
  const folder = await worldFolder();
  const at = (name: string): string => path.join(folder, name);
  await writeFile(at("ssh_config"), "");
  const env = { ...laptopEnv(at("ssh_config")), KUBECONFIG: kubeconfig };
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
