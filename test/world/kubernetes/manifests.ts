import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { must } from "../images.ts";
import { KEPT } from "./build.ts";
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

/** The folder of Envoy Gateway's own kinds. They lie in a chart, each in one condition: without that it is as it will be. */
export async function envoyGatewayKinds(): Promise<string> {
  const folder = path.join(KEPT, `envoy-gateway-kinds-${ENVOY_GATEWAY}`);
  if (existsSync(folder)) return folder;
  const module = await moduleFolder("github.com/envoyproxy/gateway", ENVOY_GATEWAY);
  const from = path.join(module, "charts/gateway-crds-helm/templates/generated");
  const making = `${folder}.making-${process.pid}`;
  await mkdir(making, { recursive: true });
  for (const file of await readdir(from)) {
    const lines = (await readFile(path.join(from, file), "utf8")).split("\n");
    await writeFile(path.join(making, file), lines.filter((line) => !line.startsWith("{{")).join("\n"));
  }
  await rename(making, folder);
  return folder;
}
