#!/bin/bash
# A node of the test cluster: containerd, kubelet, kube-proxy. NUMBER: 1, 2; ADDRESS: its own; REGISTRY: "NAME URL" of the
# world's registry; PODS: as in control.sh. The facts behind each flag are in shared/facts/kubernetes.md.
set -u
N=node$NUMBER P=/pki B=/programs
mount --make-rshared /
mount -o remount,rw /sys 2>/dev/null
mount -o remount,rw /sys/fs/cgroup 2>/dev/null
for controller in /sys/fs/cgroup/*; do mount -o remount,bind,rw "$controller" 2>/dev/null; done
sysctl -qw net.ipv4.ip_forward=1
[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
mkdir -p /etc/containerd/certs.d /etc/cni/net.d /run/containerd /etc/kube-proxy
read -r name url <<< "${REGISTRY:-}"
if [ -n "${name:-}" ]; then
  mkdir -p "/etc/containerd/certs.d/$name"
  printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$url" "$url" > "/etc/containerd/certs.d/$name/hosts.toml"
fi
cat > /etc/containerd/config.toml <<C
version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "drayage.test/pause:1"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/programs"
    conf_dir = "/etc/cni/net.d"
C
cat > /etc/cni/net.d/10-pods.conflist <<C
{"cniVersion":"1.0.0","name":"pods","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.$NUMBER.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
C
containerd >/var/log/containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
# What is in the node's volume already is not unpacked again.
for image in /images/*.tar; do
  name=drayage.test/$(basename "$image" .tar):1
  ctr -n k8s.io images ls -q | grep -qxF "$name" || ctr -n k8s.io images import "$image" >/dev/null
done
cat > /etc/kubelet.yaml <<C
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $ADDRESS
authentication: {x509: {clientCAFile: $P/ca.crt}, webhook: {enabled: true}, anonymous: {enabled: false}}
authorization: {mode: Webhook}
tlsCertFile: $P/$N.crt
tlsPrivateKeyFile: $P/$N.key
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
cgroupDriver: cgroupfs
cgroupsPerQOS: true
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
oomScoreAdj: 0
localStorageCapacityIsolation: false
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
nodeStatusUpdateFrequency: 4s
syncFrequency: 5s
C
cat > /etc/kube-proxy/config.yaml <<C
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: $P/proxy.kubeconfig}
clusterCIDR: 10.244.0.0/16
hostnameOverride: $N
conntrack: {maxPerCore: 0, min: 0}
oomScoreAdj: 0
C
while read -r subnet via; do
  [ -z "$subnet" ] || [ "$via" = "$ADDRESS" ] || ip route replace "$subnet" via "$via"
done <<< "${PODS:-}"
$B/kubelet --config=/etc/kubelet.yaml --kubeconfig=$P/$N.kubeconfig --node-ip="$ADDRESS" --hostname-override=$N --v=1 >/var/log/kubelet.log 2>&1 &
$B/kube-proxy --config=/etc/kube-proxy/config.yaml >/var/log/kube-proxy.log 2>&1 &
wait
