import { quote } from "../../base/process.ts";
import { NAMESPACE } from "./resources.ts";

/**
 * The script of a machine's first boot (and of every later one: it finds its work done). It puts Docker there from the
 * distribution, and tells how it went in the machine's guest attributes: `docker` is `ready`, or `failed: WHY`.
 */
export function startupScript(user: string): string {
  const attributes = `http://metadata.google.internal/computeMetadata/v1/instance/guest-attributes/${NAMESPACE}`;
  return `#!/bin/bash
set -u
tell() { curl -sf --retry 5 --retry-connrefused -X PUT -H 'Metadata-Flavor: Google' --data "$1" ${attributes}/docker >/dev/null; }
# Google's agent makes the user, then its keys, at its own pace.
login() { for second in $(seq 60); do [ -s "$(getent passwd ${quote(user)} | cut -d: -f6)/.ssh/authorized_keys" ] && break; sleep 1; done; }
# Whoever hears of the failure looks at the machine next: they can get in by then.
fail() { echo "dray: $1"; login; tell "failed: $1"; exit 1; }
if ! command -v dockerd >/dev/null && ! command -v docker >/dev/null; then
  tell installing
  export DEBIAN_FRONTEND=noninteractive
  for try in 1 2 3 4 5; do
    apt-get update -q && apt-get install -yq --no-install-recommends docker.io ca-certificates iptables && break
    sleep 5
  done
  command -v dockerd >/dev/null || fail "apt-get could not install docker.io"
fi
tell starting
command -v systemctl >/dev/null && systemctl enable --now docker >/dev/null 2>&1
for second in $(seq 90); do docker version >/dev/null 2>&1 && break; sleep 1; done
docker version >/dev/null 2>&1 || fail "Docker does not start: $(docker version 2>&1 | tail -1)"
login
usermod -aG docker ${quote(user)} || echo "dray: ${quote(user)} reaches Docker by sudo"
tell ready
`;
}
