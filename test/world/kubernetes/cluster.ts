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
const READY_MS = 60_000;

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

/** The addresses of a network that Docker has chosen: each cluster of a run has one of its own. */
async function addressesIn(network: string): Promise<RealCluster["addresses"]> {
  const subnet = await must(["docker", "network", "inspect", network, "-f", "{{(index .IPAM.Config 0).Subnet}}"]);
  const base = subnet.split(".").slice(0, 3).join(".");
  return { control: `${base}.2`, nodes: Array.from({ length: NODES }, (_each, index) => `${base}.${11 + index}`) };
}

/** Starts it, and waits until its API server answers and its nodes are ready. */
export async function startCluster(extent: Extent, more: NodesWith = {}): Promise<RealCluster> {
  const name = `dray-kube-${randomBytes(4).toString("hex")}`;
  const folder = await worldFolder();
  await must(["docker", "network", "create", name]);
  const { registry, images = "/none" } = more;
  // By another name than its own, so that it is the same in each cluster.
  if (registry !== undefined)
    await must(["docker", "network", "connect", "--alias", new URL(registry.url).hostname, name, registry.container]);
  const addresses = await addressesIn(name);
  const kubeconfig = await makePki(folder, addresses);
  const pods = addresses.nodes.map((via, index) => `10.244.${index + 1}.0/24 ${via}`).join("\n");
  const shared = [
    "-e",
    `PODS=${pods}`,
    "-v",
    `${folder}:/pki:ro`,
    "-v",
    `${PROGRAMS_FOLDER}:/programs:ro`,
    "--tmpfs",
    "/run:exec",
  ];
  const started = async (host: string, ip: string, more: string[], script: string): Promise<void> => {
    const at = ["--name", `${name}-${host}`, "--hostname", host, "--network", name, "--ip", ip, "-e", `ADDRESS=${ip}`];
    const init = ["-v", `${path.join(HERE, script)}:/init.sh:ro`];
    await must([
      "docker",
      "run",
      "-d",
      ...at,
      ...RIGHTS,
      ...shared,
      ...init,
      ...more,
      vmImage("bookworm"),
      "bash",
      "/init.sh",
    ]);
  };
  await started("control", addresses.control, [], "control.sh");
  const nodes = extent === "nodes" ? addresses.nodes : [];
  const volumes = nodes.flatMap((_ip, index) => [
    `${name}-node${index + 1}-containerd`,
    `${name}-node${index + 1}-kubelet`,
  ]);
  await Promise.all(
    nodes.map(async (ip, index) => {
      const node = `node${index + 1}`;
      const state = [
        "-v",
        `${name}-${node}-containerd:/var/lib/containerd`,
        "-v",
        `${name}-${node}-kubelet:/var/lib/kubelet`,
      ];
      await started(
        node,
        ip,
        [
          "-e",
          `NUMBER=${index + 1}`,
          "-e",
          `REGISTRY=${registry?.at ?? ""} ${registry?.url ?? ""}`,
          ...state,
          "-v",
          `${images}:/images:ro`,
        ],
        "node.sh",
      );
    }),
  );
  const kubectl = (argv: readonly string[], stdin?: string): Promise<string> =>
    must([path.join(PROGRAMS_FOLDER, "kubectl"), "--kubeconfig", kubeconfig, ...argv], stdin);
  const cluster: RealCluster = {
    kubeconfig,
    addresses,
    kubectl,
    [Symbol.asyncDispose]: async () => {
      const hosts = ["control", ...nodes.map((_ip, index) => `node${index + 1}`)];
      await must(["docker", "rm", "-f", "-v", ...hosts.map((host) => `${name}-${host}`)]);
      if (volumes.length > 0) await must(["docker", "volume", "rm", ...volumes]);
      if (registry !== undefined) await must(["docker", "network", "disconnect", name, registry.container]);
      await must(["docker", "network", "rm", name]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await untilUp(cluster, nodes.length);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
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
