import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { must } from "../images.ts";
import { KEPT, programPath } from "./build.ts";
import { goProgram } from "./go.ts";
import { ENVOY_GATEWAY, GATEWAY_API } from "./parts.ts";

/** A module's files, as the Go proxy has them: charts and CRDs lie beside the code. */
async function moduleFolder(module: string, version: string): Promise<string> {
  const said = await must([await goProgram(KEPT), "mod", "download", "-json", `${module}@v${version}`]);
  return (JSON.parse(said) as { Dir: string }).Dir;
}

/** The folder of the Gateway API's standard channel: what every implementation has. */
export async function gatewayApi(): Promise<string> {
  const folder = path.join(KEPT, `gateway-api-${GATEWAY_API}`);
  if (existsSync(folder)) return folder;
  const from = path.join(await moduleFolder("sigs.k8s.io/gateway-api", GATEWAY_API), "config/crd/standard");
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  for (const file of await readdir(from))
    if (file.endsWith(".yaml")) await copyFile(path.join(from, file), path.join(making, file));
  await rename(making, folder);
  return folder;
}

/** Envoy Gateway's chart, with its values' template filled in, ready for `helm install`; and its CRDs as one file. */
export async function envoyGateway(): Promise<{ chart: string; crds: string }> {
  const folder = path.join(KEPT, `envoy-gateway-charts-${ENVOY_GATEWAY}`);
  const found = { chart: path.join(folder, "gateway-helm"), crds: path.join(folder, "crds.yaml") };
  if (existsSync(folder)) return found;
  const making = `${folder}.making-${process.pid}`;
  const charts = path.join(await moduleFolder("github.com/envoyproxy/gateway", ENVOY_GATEWAY), "charts");
  await must(["sh", "-c", `mkdir -p ${making} && cp -r ${charts}/. ${making} && chmod -R u+w ${making}`]);
  const filled = (await readFile(path.join(making, "gateway-helm/values.tmpl.yaml"), "utf8"))
    .replaceAll("${GatewayImagePullPolicy}", "Never")
    .replaceAll("${GatewayImage}", "drayage.test/envoy-gateway:1");
  await writeFile(path.join(making, "gateway-helm/values.yaml"), filled);
  const template = ["template", "crds", `${making}/gateway-crds-helm`, "--set", "crds.envoyGateway.enabled=true"];
  await writeFile(path.join(making, "crds.yaml"), await must([programPath("helm"), ...template]));
  await rename(making, folder);
  return found;
}
