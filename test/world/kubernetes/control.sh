#!/bin/bash
# The control plane of the test cluster in one container: etcd, API server, controller manager, scheduler.
# ADDRESS: its own; PODS: "SUBNET VIA" of each node, a line each.
set -u
P=/pki B=/programs
while read -r subnet via; do [ -z "$subnet" ] || ip route replace "$subnet" via "$via"; done <<< "${PODS:-}"
# Nothing of it outlives the run, so nothing is waited for until it is on the disk.
$B/etcd --data-dir /var/lib/etcd --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --unsafe-no-fsync --log-level warn >/var/log/etcd.log 2>&1 &
$B/kube-apiserver --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range=10.96.0.0/16 --advertise-address="$ADDRESS" \
  --client-ca-file=$P/ca.crt --tls-cert-file=$P/apiserver.crt --tls-private-key-file=$P/apiserver.key --allow-privileged=true \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=$P/sa.pub \
  --service-account-signing-key-file=$P/sa.key --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --kubelet-client-certificate=$P/admin.crt --kubelet-client-key=$P/admin.key --kubelet-certificate-authority=$P/ca.crt \
  --kubelet-preferred-address-types=InternalIP --requestheader-client-ca-file=$P/ca.crt \
  --requestheader-allowed-names=front-proxy-client --requestheader-username-headers=X-Remote-User \
  --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file=$P/front-proxy.crt --proxy-client-key-file=$P/front-proxy.key --enable-aggregator-routing=true \
  >/var/log/apiserver.log 2>&1 &
$B/kube-controller-manager --kubeconfig=$P/controllers.kubeconfig --root-ca-file=$P/ca.crt --cluster-signing-cert-file=$P/ca.crt \
  --cluster-signing-key-file=$P/ca.key --service-account-private-key-file=$P/sa.key --use-service-account-credentials=true \
  --allocate-node-cidrs=false --leader-elect=false --horizontal-pod-autoscaler-sync-period=5s --node-monitor-grace-period=20s \
  >/var/log/controllers.log 2>&1 &
$B/kube-scheduler --kubeconfig=$P/scheduler.kubeconfig --leader-elect=false >/var/log/scheduler.log 2>&1 &
wait
