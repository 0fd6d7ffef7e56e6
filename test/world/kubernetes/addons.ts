import path from "node:path";
import { fileURLToPath } from "node:url";
import type { RealCluster } from "./cluster.ts";
import { envoyGatewayKinds, gatewayApi } from "./manifests.ts";

const FOLDER = fileURLToPath(new URL("addons", import.meta.url));
const at = (name: string): string => path.join(FOLDER, name);
const READY_S = 120;

/** DNS, numbers of pods, and a Gateway that listens at port 30080 of each node. */
export async function install(cluster: RealCluster): Promise<void> {
  const apply = async (file: string): Promise<string> => await cluster.kubectl(["apply", "--server-side", "-f", file]);
  const kinds = [await gatewayApi(), await envoyGatewayKinds()];
  await Promise.all([at("dns.yaml"), at("metrics.yaml"), ...kinds].map(apply));
  await apply(at("envoy-gateway.yaml"));
  await apply(at("gateway.yaml"));
  const wait = ["wait", `--timeout=${READY_S}s`];
  await cluster.kubectl([...wait, "-n", "infra", "gateway/public", "--for=condition=Programmed"]);
  const envoys = ["deployment", "-l", "gateway.envoyproxy.io/owning-gateway-name=public"];
  await cluster.kubectl([...wait, "-n", "envoy-gateway-system", ...envoys, "--for=condition=Available"]);
}
