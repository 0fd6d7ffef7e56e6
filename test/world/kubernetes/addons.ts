import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RealCluster } from "./cluster.ts";
import { programPath } from "./build.ts";
import { must } from "../images.ts";
import { envoyGateway, gatewayApi } from "./manifests.ts";

const FOLDER = fileURLToPath(new URL("addons", import.meta.url));
const at = (name: string): string => path.join(FOLDER, name);

/** DNS, numbers of pods, and a gateway that listens at port 30080 of each node. */
export async function install(cluster: RealCluster): Promise<void> {
  const apply = async (file: string): Promise<string> => await cluster.kubectl(["apply", "--server-side", "-f", file]);
  const { chart, crds } = await envoyGateway();
  await Promise.all([apply(at("dns.yaml")), apply(at("metrics.yaml")), apply(await gatewayApi()), apply(crds)]);
  const into = ["-n", "envoy-gateway-system", "--create-namespace", "-f", at("envoy-gateway-values.yaml"), "--wait"];
  await must([programPath("helm"), "--kubeconfig", cluster.kubeconfig, "install", "eg", chart, ...into]);
  await apply(at("gateway.yaml"));
  await cluster.kubectl(["wait", "-n", "infra", "gateway/public", "--for=condition=Programmed", "--timeout=60s"]);
}
