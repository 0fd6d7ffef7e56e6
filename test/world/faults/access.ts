import { NAME, type Rig } from "../rig.ts";
import { hand, lines, routed, until, listens, PUBLISH, type RigFault } from "./fault.ts";

const engineOff =
  "touch /etc/world-engine-off; kill $(pgrep -x dockerd); while pgrep -x dockerd >/dev/null; do sleep 0.1; done";
const engineOn =
  "rm -f /etc/world-engine-off; for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.2; done; sleep 2";

/** The engine with what it ran before, and that serves again. */
const engineBack = (rig: Rig): string =>
  `${engineOn}; ${until(listens(80), "dray-edge")}; ${until(listens(8080), rig.replica)}`;

/** The operator's own way in; what breaks the engine comes last. */
export const ACCESS: readonly RigFault[] = [
  { fault: "ssh-timeout", hop: "ssh", inject: routed((rig) => `-d ${rig.vm.address} -p tcp --dport 22 -j DROP`) },
  {
    fault: "ssh-refused",
    hop: "ssh",
    inject: routed((rig) => `-d ${rig.vm.address} -p tcp --dport 22 -j REJECT --reject-with tcp-reset`),
  },
  {
    fault: "ssh-key-denied",
    hop: "ssh",
    inject: lines(
      "vm",
      "for home in /root /home/*; do mv $home/.ssh/authorized_keys $home/.ssh/away; done",
      "for home in /root /home/*; do mv $home/.ssh/away $home/.ssh/authorized_keys; done",
    ),
  },
  {
    fault: "ssh-host-key-changed",
    hop: "ssh",
    inject: lines(
      "client",
      (rig) =>
        `cd ${rig.vm.folder}; cp known_hosts known_hosts.rig; ssh-keygen -q -t ed25519 -N '' -f other; echo "${rig.vm.host} $(cut -d' ' -f1,2 other.pub)" > known_hosts`,
      (rig) => `cd ${rig.vm.folder}; mv known_hosts.rig known_hosts; rm other other.pub`,
    ),
  },
  {
    fault: "ssh-host-key-unknown",
    hop: "ssh",
    inject: lines(
      "client",
      (rig) => `cd ${rig.vm.folder}; mv known_hosts known_hosts.rig; touch known_hosts`,
      (rig) => `cd ${rig.vm.folder}; mv known_hosts.rig known_hosts`,
    ),
  },
  {
    fault: "ssh-unknown-host",
    hop: "ssh",
    inject: lines(
      "client",
      (rig) =>
        `cd ${rig.vm.folder}; for user in sue ops; do sed 's/^machine: .*/machine: no-such-vm/' $user.yaml > lost-$user.yaml; done`,
    ),
    argv: (_rig, user) => ["--file", `lost-${user}.yaml`],
  },
  { fault: "docker-permission", hop: "engine", inject: lines("vm", "true"), user: "bob" },
  {
    fault: "pull-denied",
    hop: "container",
    // A registry that wants a login, on the machine's own loopback, which Docker asks without TLS.
    inject: async (rig) => {
      await rig.denyPulls();
      await rig.on(
        "client",
        `cd ${rig.vm.folder}; for user in sue ops; do sed -e 's/decisions/denied/' -e 's#^image: .*#image: 127.0.0.1:5000/denied#' $user.yaml > denied-$user.yaml; done`,
      );
      return async () => await rig.allowPulls();
    },
    argv: (_rig, user) => ["--file", `denied-${user}.yaml`, "--url", `http://${NAME}/`],
  },
  {
    fault: "nat-lost",
    hop: "listener",
    inject: lines(
      "vm",
      (rig) =>
        `echo '{"userland-proxy": false}' > /etc/docker/daemon.json; ${engineOff}; ${engineOn}; docker run -d --name my-api ${PUBLISH} ${rig.image} >/dev/null; ${until(listens(8080))}; iptables -t nat -F DOCKER`,
      (rig) => `docker rm -f my-api >/dev/null; rm /etc/docker/daemon.json; ${engineOff}; ${engineBack(rig)}`,
    ),
    argv: hand,
  },
  {
    fault: "disk-full",
    hop: "engine",
    inject: lines(
      "vm",
      `${engineOff}; mkdir -p /full; mount --bind /var/lib/docker /full; mount -t tmpfs -o size=40m tmpfs /var/lib/docker; ${engineOn}; head -c 60000000 /dev/zero > /var/lib/docker/filler 2>/dev/null; true`,
      (rig) => `${engineOff}; umount /var/lib/docker; umount /full; ${engineBack(rig)}`,
    ),
  },
  { fault: "docker-down", hop: "engine", inject: lines("vm", engineOff, engineBack) },
  {
    fault: "docker-missing",
    hop: "engine",
    inject: lines(
      "vm",
      `${engineOff}; for each in docker dockerd; do mv /usr/bin/$each /usr/bin/$each.away 2>/dev/null || mv /usr/sbin/$each /usr/sbin/$each.away; done`,
      (rig) =>
        `for each in /usr/bin/*.away /usr/sbin/*.away; do [ -e $each ] && mv $each \${each%.away}; done; ${engineBack(rig)}`,
    ),
  },
];
