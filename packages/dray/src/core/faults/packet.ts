import { dialledTo, type Evidence, type Fault, shut } from "../evidence.ts";
import { outside } from "./healthy.ts";
import { addressOf } from "./reach.ts";

const at = (found: Evidence): string => `${addressOf(found)}:${found.target.port}`;
const sshOpen = (found: Evidence): boolean => found.ssh !== undefined && found.ssh.code === undefined;

/** Between the provider's network and the container: packets that get lost. */
export const PACKET: readonly Fault[] = [
  {
    id: "forwarding-off",
    hop: "packet",
    title: "The machine does not forward packets",
    when: (found) => found.machine?.forwarding === false && shut(found) && published(found),
    why: (found) =>
      `${found.target.machine} does not forward packets (net.ipv4.ip_forward is 0): they end at the machine instead of in the container`,
    fix: () => "sudo sysctl -w net.ipv4.ip_forward=1, and make it last in /etc/sysctl.d/99-docker.conf",
    outside: "Times out; curl on the machine itself works.",
    byHand: "`cat /proc/sys/net/ipv4/ip_forward` on the machine prints 0.",
    example: (found) => ({ ...outside(found, "timeout"), machine: { ...found.machine, forwarding: false } }),
  },
  {
    id: "docker-user-drop",
    hop: "packet",
    title: "A rule in DOCKER-USER drops it",
    when: (found) => found.packet?.dropped?.chain === "DOCKER-USER" && /-j DROP/.test(found.packet.dropped.text),
    why: (found) =>
      `the packet reaches ${found.target.machine}, and a rule in its chain DOCKER-USER drops it: ${found.packet?.dropped?.text}`,
    fix: (found) => `sudo iptables -D DOCKER-USER ${found.packet?.dropped?.text}`,
    outside: "Times out; the machine's NAT counter rises with each try.",
    byHand: "`sudo iptables -vnL DOCKER-USER`: the rule's counter rises while you try.",
    example: (found) => ({
      ...outside(found, "timeout"),
      packet: {
        seen: true,
        dnat: true,
        dropped: { table: "filter", chain: "DOCKER-USER", text: "-p tcp -m tcp --dport 80 -j DROP", packets: 3 },
      },
    }),
  },
  {
    id: "firewall-refuses",
    hop: "packet",
    title: "A firewall on the machine refuses as if nothing listened",
    when: (found) => dialledTo(found, "refused") && /-j REJECT/.test(found.packet?.dropped?.text ?? ""),
    why: (found) =>
      `${at(found)} looks closed, but something listens there: a rule in ${found.packet?.dropped?.chain} of ${found.target.machine} refuses: ${found.packet?.dropped?.text}`,
    fix: (found) => `sudo iptables -D ${found.packet?.dropped?.chain} ${found.packet?.dropped?.text}`,
    outside: "Connection refused, as if nothing listened.",
    byHand: "curl on the machine itself works; the rule's counter rises while you try.",
    example: (found) => ({
      ...outside(found, "refused"),
      packet: {
        seen: true,
        dnat: true,
        dropped: {
          table: "filter",
          chain: "DOCKER-USER",
          text: "-p tcp -m tcp --dport 80 -j REJECT --reject-with tcp-reset",
          packets: 3,
        },
      },
    }),
  },
  {
    id: "firewall-prohibits",
    hop: "packet",
    title: "A firewall on the machine says no",
    when: (found) => dialledTo(found, "unreachable") && /-j REJECT/.test(found.packet?.dropped?.text ?? ""),
    why: (found) =>
      `a firewall on ${found.target.machine} (firewalld does this) says no: ${found.packet?.dropped?.chain} ${found.packet?.dropped?.text}`,
    fix: (found) =>
      `sudo firewall-cmd --permanent --add-port=${found.target.port}/tcp && sudo firewall-cmd --reload; without firewalld: sudo iptables -D ${found.packet?.dropped?.chain} ${found.packet?.dropped?.text}`,
    outside: "No route to host, at once, although ssh to the same address works.",
    byHand: "`sudo firewall-cmd --list-all`, or `sudo iptables -vnL`.",
    example: (found) => ({
      ...outside(found, "unreachable"),
      packet: {
        seen: true,
        dnat: true,
        dropped: {
          table: "filter",
          chain: "FORWARD",
          text: "-p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-admin-prohibited",
          packets: 3,
        },
      },
    }),
  },
  {
    id: "host-firewall",
    hop: "packet",
    title: "The machine's own firewall drops it",
    when: (found) =>
      shut(found) &&
      found.packet?.dropped !== undefined &&
      !forwarded(found) &&
      found.packet.dropped.chain !== "DOCKER-USER",
    why: (found) =>
      `the packet reaches ${found.target.machine}, and its own firewall drops it: ${found.packet?.dropped?.chain} ${found.packet?.dropped?.text}`,
    fix: (found) =>
      found.machine?.ufw === true
        ? `sudo ufw allow ${found.target.port}/tcp`
        : `sudo iptables -I INPUT -p tcp --dport ${found.target.port} -j ACCEPT`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`sudo iptables -vnL INPUT`: a DROP (or the policy) counts up while you try; with ufw: `sudo ufw status`.",
    example: (found) => ({
      ...outside(found, "timeout"),
      packet: {
        seen: true,
        dnat: false,
        dropped: { table: "filter", chain: "INPUT", text: "policy DROP", packets: 3 },
      },
    }),
  },
  {
    id: "forward-drop",
    hop: "packet",
    title: "The machine drops what it should forward",
    when: (found) =>
      shut(found) &&
      found.packet?.dropped !== undefined &&
      forwarded(found) &&
      found.packet.dropped.chain !== "DOCKER-USER",
    why: (found) =>
      `the packet reaches ${found.target.machine} and is dropped on its way to the container: ${found.packet?.dropped?.chain} ${found.packet?.dropped?.text}`,
    fix: () => "sudo systemctl restart docker puts Docker's own rules back in front; if the rule is yours, take it out",
    outside: "Times out; curl on the machine itself works.",
    byHand: "`sudo iptables -vnL FORWARD`: a DROP (or the policy) counts up while you try.",
    example: (found) => ({
      ...outside(found, "timeout"),
      packet: {
        seen: true,
        dnat: true,
        dropped: { table: "filter", chain: "FORWARD", text: "policy DROP", packets: 3 },
      },
    }),
  },
  {
    id: "cloud-firewall-gce",
    hop: "packet",
    title: "Google's firewall has no rule for the port",
    when: (found) => before(found) && found.machine?.cloud === "gce",
    why: (found) =>
      `no packet for port ${found.target.port} reaches ${found.target.machine}, though ssh does: the VPC's firewall has no rule that lets it in`,
    fix: (found) =>
      `gcloud compute firewall-rules create allow-${found.target.port} --allow tcp:${found.target.port} --target-tags http-server --source-ranges 0.0.0.0/0 && gcloud compute instances add-tags ${found.target.machine?.replace(/^.*@/, "")} --tags http-server`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`sudo iptables -t nat -vnL DOCKER`: the counter stands still while you try.",
    example: (found) => ({
      ...outside(found, "timeout"),
      packet: { seen: false, dnat: true },
      machine: { ...found.machine, cloud: "gce" },
    }),
  },
  {
    id: "cloud-firewall",
    hop: "packet",
    title: "The provider's firewall has no rule for the port",
    when: before,
    why: (found) =>
      `no packet for port ${found.target.port} reaches ${found.target.machine}, though ssh does: a firewall in front of it (security group, network firewall) drops it`,
    fix: (found) =>
      `open TCP ${found.target.port} in the provider's console: ${CONSOLES[found.machine?.cloud ?? "other"]}`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`sudo iptables -t nat -vnL DOCKER`: the counter stands still while you try.",
    example: (found) => ({ ...outside(found, "timeout"), packet: { seen: false, dnat: true } }),
  },
];

const CONSOLES: Record<string, string> = {
  aws: "EC2, the instance's security group, inbound rules",
  azure: "the VM's network security group, inbound port rules",
  hetzner: "Firewalls, the server's firewall, inbound",
  gce: "VPC network, Firewall",
  other: "security group or network firewall, inbound",
};

function before(found: Evidence): boolean {
  return dialledTo(found, "timeout") && found.packet?.seen === false && sshOpen(found);
}

/** Was the packet on its way to a container (and not to a process of the machine itself)? */
function forwarded(found: Evidence): boolean {
  return found.packet?.dnat === true || /FORWARD|DOCKER/.test(found.packet?.dropped?.chain ?? "");
}

function published(found: Evidence): boolean {
  const front = found.edge ?? found.app;
  return front !== undefined && front !== null && !front.hostNetwork && front.published.length > 0;
}
