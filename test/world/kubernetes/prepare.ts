import { prepareVm } from "../images.ts";
import { buildParts, gatherPrograms } from "./build.ts";
import { imagesFolder } from "./images.ts";
import { envoyGatewayKinds, gatewayApi } from "./manifests.ts";

// `control`: the control plane alone, for suites that need no pods.
await buildParts(process.argv[2] === "control" ? ["etcd", "kubernetes"] : undefined);
await gatherPrograms();
await gatewayApi();
if (process.argv[2] !== "control") {
  await prepareVm();
  await envoyGatewayKinds();
  await imagesFolder();
}
