#!/bin/bash
# The control plane of the test cluster in one container: etcd, API server, controller manager, scheduler.
# ADDRESS: its own; PODS: "SUBNET VIA" of each node, a line each.
set -u
P=/pki B=/programs L=/var/log
while read -r subnet via; do [ -z "$subnet" ] || ip route replace "$subnet" via "$via"; done <<< "${PODS:-}"

# Runs a program and keeps what it says. Controllers end by themselves when a busy API server is not ready within ten
# seconds, so each is started again until it stays.
kept() { local log=$L/$1.log; shift; while :; do "$@" >>"$log" 2>&1; sleep 0.3; done; }

# Nothing of it outlives the run, so nothing is waited for until it is on the disk.
kept etcd $B/etcd --data-dir /var/lib/etcd --log-level warn --unsafe-no-fsync \
  --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 &

api=(
  --etcd-servers=http://127.0.0.1:2379
  --advertise-address="$ADDRESS"
  --service-cluster-ip-range=10.96.0.0/16
  --allow-privileged=true
  --authorization-mode=Node,RBAC
  --enable-admission-plugins=NodeRestriction
  # Clients and the server itself.
  --client-ca-file=$P/ca.crt --tls-cert-file=$P/apiserver.crt --tls-private-key-file=$P/apiserver.key
  # Tokens of service accounts.
  --service-account-issuer=https://kubernetes.default.svc
  --service-account-key-file=$P/sa.pub --service-account-signing-key-file=$P/sa.key
  # Logs and exec: from here to the kubelets, by their addresses.
  --kubelet-client-certificate=$P/admin.crt --kubelet-client-key=$P/admin.key
  --kubelet-certificate-authority=$P/ca.crt --kubelet-preferred-address-types=InternalIP
  # APIs that pods serve (metrics.k8s.io), asked at the pods' own addresses.
  --enable-aggregator-routing=true
  --proxy-client-cert-file=$P/front-proxy.crt --proxy-client-key-file=$P/front-proxy.key
  --requestheader-client-ca-file=$P/ca.crt --requestheader-allowed-names=front-proxy-client
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
  --requestheader-extra-headers-prefix=X-Remote-Extra-
)
kept apiserver $B/kube-apiserver "${api[@]}" &

controllers=(
  --kubeconfig=$P/controllers.kubeconfig
  --use-service-account-credentials=true
  --service-account-private-key-file=$P/sa.key --root-ca-file=$P/ca.crt
  --cluster-signing-cert-file=$P/ca.crt --cluster-signing-key-file=$P/ca.key
  --leader-elect=false
  # The CNI's files say which node has which pods.
  --allocate-node-cidrs=false
  # Tests do not wait for what takes half a minute elsewhere.
  --horizontal-pod-autoscaler-sync-period=5s --node-monitor-grace-period=20s
)
kept controllers $B/kube-controller-manager "${controllers[@]}" &
kept scheduler $B/kube-scheduler --kubeconfig=$P/scheduler.kubeconfig --leader-elect=false &
wait
