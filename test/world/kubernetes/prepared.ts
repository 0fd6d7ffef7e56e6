import { prepareVm } from "../images.ts";
import { buildParts, gatherPrograms } from "./build.ts";
import { imagesFolder } from "./images.ts";
import { envoyGatewayKinds, gatewayApi } from "./manifests.ts";

/** Makes all that a cluster is made of; what is there already takes no time. `control`: the control plane's parts alone. */
export async function prepareKubernetes(extent: "control" | "nodes" = "nodes"): Promise<void> {
  await buildParts(extent === "control" ? ["etcd", "kubernetes"] : undefined);
  await gatherPrograms();
  await gatewayApi();
  if (extent === "control") return;
  await prepareVm();
  await envoyGatewayKinds();
  await imagesFolder();
}
