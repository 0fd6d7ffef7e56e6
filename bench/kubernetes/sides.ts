import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { must } from "../../test/world/images.ts";
import { PROGRAMS_FOLDER } from "../../test/world/kubernetes/build.ts";
import type { KubernetesLaptop, KubernetesWorld } from "../../test/world/kubernetes/world.ts";

export const NAMESPACE = "bench";
const READY_S = 120;

/** One way of replacing a release of a service, and of going back. Versions are "1" and "2". */
export interface Side {
  /** What its figures begin with; dray's own have no such word. */
  name: string;
  /** The path of its service at the Gateway. */
  prefix: string;
  deploy(version: string): Promise<void>;
  rollback(): Promise<void>;
}

/** The bench's image of a version, as it is in the registry. */
export const imageOf = (registry: string, version: string): string => `${registry}/bench:${version}`;

/** dray, from a folder with a kubeconfig. `gateway`: where it asks, which may be further away than it is for others. */
export function drayOf(laptop: KubernetesLaptop, name: string, { registry }: KubernetesWorld, gateway: string): Side {
  const prefix = `/${name}`;
  return {
    name: "",
    prefix,
    deploy: async (version) => {
      const lines = [
        `service: ${name}`,
        "target: kubernetes",
        `kubernetes: { namespace: ${NAMESPACE}, gateway: infra/public, address: "${gateway}" }`,
        `image: ${imageOf(registry, version)}`,
        `prefix: ${prefix}`,
        "ready: /health",
        "replicas: 2",
        "golden: golden.json",
        // Whoever has a long answer in flight gets all of it.
        "limits: { drain: 40s }",
        "",
      ];
      await laptop.write("dray.yaml", lines.join("\n"));
      await laptop.json("deploy");
    },
    rollback: async () => void (await laptop.json("rollback")),
  };
}

/** A Deployment as whoever knows Kubernetes writes it: nothing less ready than before, and time for gateways to see who goes. */
function objectsOf(name: string, image: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  replicas: 2
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 50
      containers:
        - name: api
          image: ${image}
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { periodSeconds: 1, timeoutSeconds: 2, httpGet: { path: /health, port: http } }
          lifecycle: { preStop: { sleep: { seconds: 10 } } }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  selector: { app: ${name} }
  ports: [{ port: 80, targetPort: http }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: ${NAMESPACE} }
spec:
  parentRefs: [{ namespace: infra, name: public }]
  rules:
    - matches: [{ path: { type: PathPrefix, value: /${name} } }]
      filters:
        - type: URLRewrite
          urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: / } }
      backendRefs: [{ name: ${name}, port: 80 }]
      timeouts: { request: 60s }
`;
}

/** `kubectl apply` and `rollout status`; `rollout undo`. */
export function kubectlOf({ cluster, registry }: KubernetesWorld): Side {
  const name = "kubectl";
  const until = async (): Promise<void> =>
    void (await cluster.kubectl(["-n", NAMESPACE, "rollout", "status", `deployment/${name}`, `--timeout=${READY_S}s`]));
  return {
    name,
    prefix: `/${name}`,
    deploy: async (version) => {
      await cluster.kubectl(["apply", "-f", "-"], objectsOf(name, imageOf(registry, version)));
      await until();
    },
    rollback: async () => {
      await cluster.kubectl(["-n", NAMESPACE, "rollout", "undo", `deployment/${name}`]);
      await until();
    },
  };
}

/** `helm upgrade --wait` and `helm rollback --wait` of a chart of the same objects. `folder`: for the chart, and all that Helm keeps. */
export async function helmOf({ cluster, registry }: KubernetesWorld, folder: string): Promise<Side> {
  const name = "helm";
  const chart = path.join(folder, "chart");
  await mkdir(path.join(chart, "templates"), { recursive: true });
  await writeFile(path.join(chart, "Chart.yaml"), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
  await writeFile(path.join(chart, "templates/all.yaml"), objectsOf(name, "{{ .Values.image }}"));
  const own = ["CACHE", "CONFIG", "DATA"].map((each) => `HELM_${each}_HOME=${folder}/${each}`);
  const program = ["env", ...own, path.join(PROGRAMS_FOLDER, "helm"), "--kubeconfig", cluster.kubeconfig];
  const wait = ["-n", NAMESPACE, "--wait", `--timeout=${READY_S}s`];
  return {
    name,
    prefix: `/${name}`,
    deploy: async (version) => {
      const image = `image=${imageOf(registry, version)}`;
      await must([...program, "upgrade", "--install", name, chart, "--set", image, ...wait]);
    },
    rollback: async () => void (await must([...program, "rollback", name, ...wait])),
  };
}
