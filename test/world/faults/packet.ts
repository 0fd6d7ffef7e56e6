import { HAND_PORT } from "../rig.ts";
import { hand, lines, onHost, type RigFault } from "./fault.ts";

/** The machine's own packet filter. */
const onVm = (rule: string): RigFault["inject"] => lines("vm", `iptables -I ${rule}`, `iptables -D ${rule}`);
export const PACKET: readonly RigFault[] = [
  { fault: "docker-user-drop", hop: "packet", inject: onVm("DOCKER-USER -p tcp --dport 80 -j DROP") },
  { fault: "forward-drop", hop: "packet", inject: onVm("FORWARD -p tcp --dport 80 -j DROP") },
  {
    fault: "firewall-prohibits",
    hop: "packet",
    inject: onVm("DOCKER-USER -p tcp --dport 80 -j REJECT --reject-with icmp-admin-prohibited"),
  },
  {
    fault: "firewall-refuses",
    hop: "packet",
    inject: onVm("DOCKER-USER -p tcp --dport 80 -j REJECT --reject-with tcp-reset"),
  },
  {
    fault: "forwarding-off",
    hop: "packet",
    inject: lines("vm", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"),
  },
  {
    fault: "host-firewall",
    hop: "packet",
    inject: lines(
      "vm",
      (rig) => `${onHost(rig)}; iptables -I INPUT -p tcp --dport ${HAND_PORT} -j DROP`,
      `docker rm -f my-api >/dev/null; iptables -D INPUT -p tcp --dport ${HAND_PORT} -j DROP`,
    ),
    argv: hand,
  },
  {
    fault: "host-firewall",
    as: "the policy of INPUT",
    hop: "packet",
    inject: lines(
      "vm",
      (rig) =>
        `${onHost(rig)}; iptables -A INPUT -i lo -j ACCEPT; iptables -A INPUT -p tcp --dport 22 -j ACCEPT; iptables -A INPUT -m state --state ESTABLISHED -j ACCEPT; iptables -P INPUT DROP`,
      "docker rm -f my-api >/dev/null; iptables -P INPUT ACCEPT; iptables -F INPUT",
    ),
    argv: hand,
  },
];
