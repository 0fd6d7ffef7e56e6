#!/bin/bash
# PID 1 of a Compute Engine stand-in: what Debian's units of google-guest-agent start, then the machine itself.
set -u
# The metadata server is at the address and name that the agent knows; the test's own stands behind it.
iptables -t nat -A OUTPUT -d 169.254.169.254 -p tcp --dport 80 -j DNAT --to-destination "$METADATA"
[ -n "${NO_DOCKER:-}" ] && rm -f /usr/sbin/dockerd /usr/bin/docker /etc/apt/sources.list /etc/apt/sources.list.d/*
# Until the cloud's firewall lets it in, nothing arrives: before any address translation, as there.
iptables -t raw -N CLOUD
iptables -t raw -A PREROUTING -i eth0 -p tcp --syn -j CLOUD
(
  until [ -S /run/sshd.started ] || pgrep -x sshd >/dev/null; do sleep 0.1; done
  google_guest_agent >>/var/log/agent.log 2>&1 &
  google_metadata_script_runner startup >>/var/log/serial.log 2>&1
) &
export AUTHORIZED_KEY=""
exec bash /vm-init.sh
