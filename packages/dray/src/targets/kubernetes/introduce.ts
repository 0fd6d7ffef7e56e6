import { Document, isSeq, visit } from "yaml";
import { asFailure } from "../../base/failure.ts";
import type { Introduction } from "../../contract/target.ts";
import type { Context } from "../../core/context.ts";
import { Kube } from "./client/api.ts";
import { readKubeconfig } from "./client/kubeconfig.ts";
import { deployerRole } from "./objects/role.ts";
import type { Gateway } from "./objects/route.ts";

/** The context that the kubeconfig means, its namespace, and the gateways that this user can see. @throws Failure kubernetes.* */
export async function introduce({ signal }: Context): Promise<Introduction> {
  const entry = await readKubeconfig(undefined);
  using kube = Kube.open(entry, undefined, signal);
  const gateways = await seenGateways(kube);
  const [only, ...more] = gateways;
  const gateway = more.length === 0 ? only : undefined;
  const options = {
    context: entry.context,
    namespace: kube.namespace,
    ...(gateway === undefined ? {} : { gateway }),
  };
  const role = rulesOnLines(deployerRole(kube.namespace));
  return {
    options,
    notes: [
      gatewayText(gateways),
      "images of this computer go to a registry that the nodes can read: registry: HOST/FOLDER",
      `what whoever deploys must be allowed there, and no more:\n\n${role}`,
    ],
  };
}

/** As YAML, a rule a line. */
function rulesOnLines(role: object): string {
  const document = new Document(role);
  visit(document, {
    Map: (_key, node, path) => void (node.flow = path.some((each) => isSeq(each))),
    Seq: (_key, node, path) => void (node.flow = path.some((each) => isSeq(each))),
  });
  return document.toString({ lineWidth: 0 });
}

async function seenGateways(kube: Kube): Promise<string[]> {
  const { items } = await kube
    .list<Gateway>("Gateway", { everywhere: true })
    .catch(async () => await kube.list<Gateway>("Gateway"))
    .catch((error: unknown) => {
      const { code } = asFailure(error);
      if (code === "kubernetes.denied" || code === "kubernetes.not-found") return { items: [] };
      throw error;
    });
  return items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

function gatewayText(gateways: readonly string[]): string {
  const [only, ...more] = gateways;
  if (only === undefined)
    return "this user sees no Gateway: ask the cluster's owner which one to use, for kubernetes: {gateway: NAMESPACE/NAME}";
  if (more.length === 0) return `clients come through the Gateway ${only}`;
  return `there are several Gateways: ${gateways.join(", ")}; name one of them: kubernetes: {gateway: NAMESPACE/NAME}`;
}
