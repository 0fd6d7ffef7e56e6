#!/bin/bash
# PID 1 of a VM stand-in: keys, mounts, sshd, and an engine that comes back when it dies.
# No systemd here; shared/facts/docker-ssh.md, section 1, says why each line is needed.
set -u
# An RSA key is half of what a start costs, and nobody here asks for one.
for kind in ed25519 ecdsa; do
  [ -e /etc/ssh/ssh_host_${kind}_key ] || ssh-keygen -q -t "$kind" -N "" -f /etc/ssh/ssh_host_${kind}_key
done
mkdir -p /run/sshd
for user in root ops sue bob; do
  home=$(getent passwd "$user" | cut -d: -f6)
  mkdir -p "$home/.ssh"
  printf '%s\n' "$AUTHORIZED_KEY" > "$home/.ssh/authorized_keys"
  chown -R "$user" "$home/.ssh"
  chmod 700 "$home/.ssh"
  chmod 600 "$home/.ssh/authorized_keys"
done
mount --make-rshared /
mount -o remount,rw /sys 2>/dev/null
if [ ! -f /sys/fs/cgroup/cgroup.controllers ]; then
  mount -o remount,rw /sys/fs/cgroup 2>/dev/null
  for controller in /sys/fs/cgroup/*; do mount -o remount,bind,rw "$controller" 2>/dev/null; done
fi
rm -f /var/run/docker.pid /run/docker.pid /run/containerd/containerd.pid /run/docker/containerd/containerd.pid
/usr/sbin/sshd

stopping=0
engine=0
trap 'stopping=1; [ "$engine" != 0 ] && kill -TERM "$engine" 2>/dev/null' TERM
while [ "$stopping" = 0 ]; do
  if command -v dockerd >/dev/null && [ ! -e /etc/world-engine-off ]; then
    dockerd ${DOCKERD_FLAGS:-} >>/var/log/dockerd.log 2>&1 &
    engine=$!
    wait "$engine"
    [ "$stopping" = 1 ] && wait "$engine" 2>/dev/null
  fi
  engine=0
  [ "$stopping" = 1 ] && break
  sleep 0.5 &
  wait $!
done
