import { asFailure, Failure } from "../../base/failure.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { Kube } from "./client/api.ts";
import type { Gateway } from "./objects/route.ts";
import { kubeSettingsOf } from "./options.ts";
import { type Door, gatewayUrlOf } from "./sight.ts";

/** The gateway that the manifest names, else the only one that there is. @throws Failure kubernetes.no-gateway */
export async function doorOf(kube: Kube, manifest: Manifest): Promise<Door> {
  const { gateway: said, address } = kubeSettingsOf(manifest);
  const found = said === undefined ? await onlyOne(kube) : await named(kube, said);
  const url = address ?? gatewayUrlOf(found, manifest.domain);
  const { name, namespace = kube.namespace } = found.metadata;
  return { name, namespace, ...(url === undefined ? {} : { url }) };
}

async function named(kube: Kube, said: string): Promise<Gateway> {
  const [name = "", namespace] = said.split("/").toReversed();
  const at = namespace ?? kube.namespace;
  // A user of one namespace may often not look at the gateway of another, and may use it all the same.
  const found = await kube.find<Gateway>("Gateway", name, at).catch((error: unknown) => {
    if (asFailure(error).code === "kubernetes.denied") return unseen(name, at);
    throw error;
  });
  if (found !== undefined) return found;
  throw new Failure("kubernetes.no-gateway", `there is no Gateway ${name} in ${at}`, {
    hint: "kubectl get gateways -A lists them; kubernetes: {gateway: NAMESPACE/NAME} in the manifest",
  });
}

const unseen = (name: string, namespace: string): Gateway => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name, namespace },
  spec: { gatewayClassName: "", listeners: [] },
});

async function onlyOne(kube: Kube): Promise<Gateway> {
  const { items } = await kube.list<Gateway>("Gateway", { everywhere: true }).catch(async (error: unknown) => {
    const { code } = asFailure(error);
    if (code === "kubernetes.denied") return await kube.list<Gateway>("Gateway");
    if (code === "kubernetes.not-found") return { items: [] };
    throw error;
  });
  const [only, ...more] = items;
  if (only !== undefined && more.length === 0) return only;
  const names = items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(", ");
  throw new Failure(
    "kubernetes.no-gateway",
    only === undefined ? "the cluster has no Gateway that this user can see" : `there are several Gateways: ${names}`,
    {
      hint:
        only === undefined
          ? "ask the cluster's owner which one to use: kubernetes: {gateway: NAMESPACE/NAME} in the manifest"
          : "say which one: kubernetes: {gateway: NAMESPACE/NAME} in the manifest",
    },
  );
}
