import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { sleep, within } from "drayage-clock";
import { must, vmImage } from "../images.ts";
import { worldFolder } from "../owner.ts";
import { RIGHTS } from "../vm.ts";
import { PROGRAMS_FOLDER } from "./build.ts";
import { makePki } from "./pki.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const NODES = 2;
const READY_MS = 150_000;

/** A real cluster in containers of this computer. */
export interface RealCluster extends AsyncDisposable {
  /** The file of its administrator. */
  kubeconfig: string;
  addresses: { control: string; nodes: string[] };
  kubectl(argv: readonly string[], stdin?: string): Promise<string>;
}

/** Only the control plane (`control`), or nodes beside it (`nodes`). */
export type Extent = "control" | "nodes";

/** What nodes have: tars of images, and a registry, a container that they find by `url` when an image's name begins with `at`. */
export interface NodesWith {
  images?: string;
  registry?: { container: string; at: string; url: string };
}

/** Docker keeps a container's address only in a network whose range was asked for; one that is taken is refused, and the next one tried. */
async function makeNetwork(name: string, tries = 10): Promise<RealCluster["addresses"]> {
  const base = `10.89.${randomBytes(1)[0]}`;
  try {
    await must(["docker", "network", "create", "--subnet", `${base}.0/24`, name]);
  } catch (error) {
    if (tries === 0 || !/overlaps/.test(String(error))) throw error;
    return await makeNetwork(name, tries - 1);
  }
  // Docker gives the lowest ones to whoever does not ask for one.
  return { control: `${base}.200`, nodes: Array.from({ length: NODES }, (_each, index) => `${base}.${211 + index}`) };
}

/** Starts it, and waits until its API server answers and its nodes are ready. */
export async function startCluster(extent: Extent, given: NodesWith = {}): Promise<RealCluster> {
  const theirs = process.env["DRAY_TEST_KUBECONFIG"];
  if (theirs !== undefined) return await existing(theirs);
  const name = `dray-kube-${randomBytes(4).toString("hex")}`;
  const folder = await worldFolder();
  const addresses = await makeNetwork(name);
  // By another name than its own, so that it is the same in each cluster.
  if (given.registry !== undefined)
    await must([
      "docker",
      "network",
      "connect",
      "--alias",
      new URL(given.registry.url).hostname,
      name,
      given.registry.container,
    ]);
  const kubeconfig = await makePki(folder, addresses);
  const hosts = hostsOf(name, extent, addresses, given);
  const pods = addresses.nodes.map((via, index) => `10.244.${index + 1}.0/24 ${via}`).join("\n");
  const shared = ["-e", `PODS=${pods}`, "-v", `${folder}:/pki:ro`, "-v", `${PROGRAMS_FOLDER}:/programs:ro`];
  const cluster: RealCluster = {
    kubeconfig,
    addresses,
    kubectl: (argv, stdin) => must([path.join(PROGRAMS_FOLDER, "kubectl"), "--kubeconfig", kubeconfig, ...argv], stdin),
    [Symbol.asyncDispose]: async () => {
      await must(["docker", "rm", "-f", "-v", ...hosts.map(({ host }) => `${name}-${host}`)]);
      const volumes = hosts.flatMap(({ volumes: all }) => all);
      if (volumes.length > 0) await must(["docker", "volume", "rm", ...volumes]);
      if (given.registry !== undefined) await must(["docker", "network", "disconnect", name, given.registry.container]);
      await must(["docker", "network", "rm", name]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(hosts.map((each) => startHost(name, each, shared)));
    await untilUp(cluster, hosts.length - 1);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** Somebody's own cluster: what it has is its owner's, so nothing of it is taken away. */
async function existing(kubeconfig: string): Promise<RealCluster> {
  const kubectl = (argv: readonly string[], stdin?: string): Promise<string> =>
    must(["kubectl", "--kubeconfig", kubeconfig, ...argv], stdin);
  const said = await kubectl([
    "get",
    "nodes",
    "-o",
    'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}',
  ]);
  const nodes = said.split(" ").filter((each) => each !== "");
  return { kubeconfig, addresses: { control: "", nodes }, kubectl, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** One container of a cluster. */
interface Host {
  host: string;
  ip: string;
  script: string;
  argv: string[];
  volumes: string[];
}

function hostsOf(name: string, extent: Extent, { control, nodes }: RealCluster["addresses"], given: NodesWith): Host[] {
  const first: Host = { host: "control", ip: control, script: "control.sh", argv: [], volumes: [] };
  if (extent === "control") return [first];
  const { registry, images = "/none" } = given;
  const folders = ["-v", `${images}:/images:ro`, "-v", `${path.join(HERE, "node")}:/node:ro`];
  const told = ["-e", `REGISTRY=${registry?.at ?? ""} ${registry?.url ?? ""}`, ...folders];
  return [
    first,
    ...nodes.map((ip, index): Host => {
      const host = `node${index + 1}`;
      const volumes = ["containerd", "kubelet"].map((each) => `${name}-${host}-${each}`);
      const mounted = volumes.flatMap((each) => ["-v", `${each}:/var/lib/${each.split("-").at(-1)}`]);
      return { host, ip, script: "node.sh", argv: ["-e", `NUMBER=${index + 1}`, ...told, ...mounted], volumes };
    }),
  ];
}

async function startHost(name: string, { host, ip, script, argv }: Host, shared: readonly string[]): Promise<void> {
  const at = ["--name", `${name}-${host}`, "--hostname", host, "--network", name, "--ip", ip, "-e", `ADDRESS=${ip}`];
  const init = ["--tmpfs", "/run:exec", "-v", `${path.join(HERE, script)}:/init.sh:ro`];
  await must([
    "docker",
    "run",
    "-d",
    ...at,
    ...RIGHTS,
    ...shared,
    ...init,
    ...argv,
    vmImage("bookworm"),
    "bash",
    "/init.sh",
  ]);
}

async function untilUp(cluster: RealCluster, nodes: number): Promise<void> {
  await within(READY_MS, undefined, async (signal) => {
    for (;;) {
      const said = await cluster.kubectl(["get", "nodes", "--no-headers"]).catch(() => undefined);
      const ready = said?.split("\n").filter((line) => / Ready /.test(line)).length ?? -1;
      if (ready >= nodes) return;
      await sleep(200, signal);
    }
  });
}
