#!/bin/bash
# A node of the test cluster: containerd, kubelet, kube-proxy; their configurations lie in /node.
# NUMBER: 1, 2; ADDRESS: its own; REGISTRY: "NAME URL" of the world's registry; PODS: as in control.sh.
set -u

filled() { sed "s|@NUMBER@|$NUMBER|g; s|@ADDRESS@|$ADDRESS|g" "/node/$1"; }

# What the kubelet and containers need of a machine, and a container of Docker's does not have by itself.
mount --make-rshared /
for point in /sys /sys/fs/cgroup; do mount -o remount,rw "$point" 2>/dev/null; done
for controller in /sys/fs/cgroup/*; do mount -o remount,bind,rw "$controller" 2>/dev/null; done
[ -e /dev/kmsg ] || mknod /dev/kmsg c 1 11
sysctl -qw net.ipv4.ip_forward=1
while read -r subnet via; do
  [ -z "$subnet" ] || [ "$via" = "$ADDRESS" ] || ip route replace "$subnet" via "$via"
done <<< "${PODS:-}"

mkdir -p /run/containerd /etc/containerd/certs.d /etc/cni/net.d /etc/kubernetes
filled containerd.toml > /etc/containerd/config.toml
filled pods.conflist > /etc/cni/net.d/10-pods.conflist
filled kubelet.yaml > /etc/kubernetes/kubelet.yaml
filled kube-proxy.yaml > /etc/kubernetes/kube-proxy.yaml
read -r name url <<< "${REGISTRY:-}"
if [ -n "${name:-}" ]; then
  mkdir -p "/etc/containerd/certs.d/$name"
  printf 'server = "%s"\n[host."%s"]\n  capabilities = ["pull", "resolve"]\n' "$url" "$url" > "/etc/containerd/certs.d/$name/hosts.toml"
fi

containerd >/var/log/containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
# What is in the node's volume already is not unpacked again.
for image in /images/*.tar; do
  name=drayage.test/$(basename "$image" .tar):1
  ctr -n k8s.io images ls -q | grep -qxF "$name" || ctr -n k8s.io images import "$image" >/dev/null
done
/programs/kube-proxy --config=/etc/kubernetes/kube-proxy.yaml >/var/log/kube-proxy.log 2>&1 &
/programs/kubelet --config=/etc/kubernetes/kubelet.yaml --kubeconfig="/pki/node$NUMBER.kubeconfig" \
  --hostname-override="node$NUMBER" --node-ip="$ADDRESS" >/var/log/kubelet.log 2>&1 &
wait
