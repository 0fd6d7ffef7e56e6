import { dialledTo, type Evidence, type Fault, served, shut } from "../evidence.ts";
import { outside } from "./healthy.ts";

const sshOpen = (found: Evidence): boolean => found.ssh !== undefined && found.ssh.code === undefined;
const lost = (found: Evidence): boolean => dialledTo(found, "timeout") || dialledTo(found, "unreachable");

/** The address that was tried, or the name where there was none. */
export function addressOf(found: Evidence): string {
  return found.tcp?.[0]?.address ?? found.target.host;
}

const nobodyThere = (found: Evidence): Evidence => {
  const { tcp: _tcp, ...rest } = found;
  return { ...rest, answer: { outcome: "unreachable", ms: 3 } };
};

const noName = (found: Evidence, code: string): Evidence => ({
  ...nobodyThere(found),
  name: { a: [], aaaa: [], code, ms: 3, machine: ["203.0.113.7"] },
});

const silent = (found: Evidence): Evidence => {
  const { now, target, name, route } = outside(found, "timeout");
  return {
    now,
    target,
    ...(name === undefined ? {} : { name }),
    ...(route === undefined ? {} : { route }),
    tcp: [{ address: "203.0.113.7", family: 4, dialled: { outcome: "timeout", ms: 4000 } }],
    answer: { outcome: "timeout", ms: 4000 },
    ssh: { ms: 4000, code: "ssh.unreachable", message: "timed out" },
  };
};

const closed = { outcome: "timeout", ms: 4000 } as const;

/** The computer in front of the user is cut off: nothing can be said of the machine. Asked before everything else. */
export const OFFLINE: readonly Fault[] = [
  {
    id: "offline",
    hop: "route",
    title: "This computer is offline",
    when: (found) =>
      found.route !== undefined &&
      found.route.control.outcome !== "open" &&
      found.route.control.outcome !== "refused" &&
      !sshOpen(found) &&
      found.answer?.outcome !== "answered" &&
      ["ssh.unreachable", "ssh.unknown-host", "ssh.failed", undefined].includes(found.ssh?.code),
    why: (found) => `neither the machine nor ${found.route?.controlHost} answers: this computer has no way out`,
    fix: () => "connect it (a network with a login page? open it in a browser), then try again",
    outside: "Nothing answers, whatever is asked.",
    byHand: "`ping 1.1.1.1` fails as well.",
    example: (found) => ({
      ...silent(found),
      route: { ssh: closed, control: closed, controlPort: closed, controlHost: "1.1.1.1" },
    }),
  },
];

/** The machine does not answer at all. */
export const HERE: readonly Fault[] = [
  {
    id: "machine-silent",
    hop: "tcp",
    title: "The machine answers on no port at all",
    when: (found) => found.ssh?.code === "ssh.unreachable" && lost(found) && found.route?.control.outcome === "open",
    why: (found) =>
      `${addressOf(found)} answers neither on port ${found.target.port} nor to ssh, while the rest of the network does: it is stopped, or this is not its address any more`,
    fix: () =>
      "look at it in the provider's console: start it, and compare its external address (a stopped VM gets a new one unless the address is reserved)",
    outside: "Every port times out.",
    byHand: "The console shows the instance stopped, or another external address than the one you use.",
    example: silent,
  },
];

/** From the name to the machine's door. */
export const REACH: readonly Fault[] = [
  {
    id: "resolver-filters",
    hop: "name",
    title: "Your resolver filters the name",
    when: (found) => found.name?.code !== undefined && found.name.said?.outcome === "open",
    why: (found) =>
      `your resolver gives no address for ${found.target.host}, although the name says one, and that one answers: it filters such names`,
    fix: () => "use the address itself, a domain of your own, or another resolver (1.1.1.1)",
    outside: "The name does not resolve here, but does elsewhere.",
    byHand: "`dig NAME` is empty, `dig @1.1.1.1 NAME` is not.",
    example: (found) => ({
      ...noName(found, "ENOTFOUND"),
      name: { a: [], aaaa: [], code: "ENOTFOUND", ms: 3, machine: [], said: { outcome: "open", ms: 9 } },
    }),
  },
  {
    id: "resolver-down",
    hop: "name",
    title: "The resolver does not answer",
    when: (found) => found.name?.code === "EAI_AGAIN" || found.name?.code === "ETIMEOUT",
    why: (found) =>
      `this computer's resolver did not answer when asked for ${found.target.host}; other names will fail, too`,
    fix: () => "look at /etc/resolv.conf (or the VPN): is that resolver reachable?",
    outside: "Names fail after seconds, addresses work.",
    byHand: "`dig NAME` says no servers could be reached; `curl http://ADDRESS` works.",
    example: (found) => noName(found, "EAI_AGAIN"),
  },
  {
    id: "name-not-found",
    hop: "name",
    title: "The name does not exist",
    when: (found) => found.name !== undefined && found.name.a.length + found.name.aaaa.length === 0,
    why: (found) => `there is no address for ${found.target.host}`,
    fix: (found) =>
      `create a record at your DNS provider: ${found.target.host}. A ${found.name?.machine[0] ?? "the machine's external address"}`,
    outside: "Could not resolve host; a browser says DNS_PROBE_FINISHED_NXDOMAIN.",
    byHand: "`dig NAME` answers NXDOMAIN.",
    example: (found) => noName(found, "ENOTFOUND"),
  },
  {
    id: "name-elsewhere",
    hop: "name",
    title: "The name points to another machine",
    when: (found) => {
      const { name } = found;
      if (name === undefined || name.machine.length === 0 || name.a.length === 0 || served(found)) return false;
      // What does not work inside either is not the name's doing.
      if (found.predict !== undefined && (found.predict.status ?? 500) >= 500) return false;
      return !name.a.some((address) => name.machine.includes(address));
    },
    why: (found) =>
      `${found.target.host} resolves to ${found.name?.a.join(", ")}, and the machine is ${found.name?.machine[0]}`,
    fix: (found) =>
      `change the record at your DNS provider: ${found.target.host}. A ${found.name?.machine[0]}; then wait for its TTL`,
    outside: "Anything: somebody else's page, a refusal, or nothing.",
    byHand: "`dig +short NAME` is not the machine's external address.",
    example: (found) => ({
      ...outside(found, "refused"),
      name: { a: ["198.51.100.9"], aaaa: [], ms: 3, machine: ["203.0.113.7"] },
      tcp: [{ address: "198.51.100.9", family: 4, dialled: { outcome: "refused", ms: 3 } }],
    }),
  },
  {
    id: "stale-aaaa",
    hop: "name",
    title: "The name has an IPv6 address that does not answer",
    when: (found) => {
      const six = (found.tcp ?? []).filter((each) => each.family === 6);
      const four = (found.tcp ?? []).filter((each) => each.family === 4);
      return (
        found.name !== undefined &&
        six.length > 0 &&
        four.some((each) => each.dialled.outcome === "open") &&
        // Without a route to IPv6 nothing can be said about it from here.
        six.every((each) => ["timeout", "refused", "unreachable"].includes(each.dialled.outcome))
      );
    },
    why: (found) =>
      `${found.target.host} has an AAAA record, ${found.name?.aaaa.join(", ")}, where nothing answers: clients with IPv6 wait or fail, the others do not notice`,
    fix: (found) => `delete the record at your DNS provider: ${found.target.host}. AAAA ${found.name?.aaaa[0]}`,
    outside: "Works here, is slow or dead for others.",
    byHand: "`curl -6 URL` fails, `curl -4 URL` works.",
    example: (found) => ({
      ...found,
      name: { a: ["203.0.113.7"], aaaa: ["2001:db8::9"], ms: 3, machine: ["203.0.113.7"] },
      tcp: [...(found.tcp ?? []), { address: "2001:db8::9", family: 6, dialled: { outcome: "timeout", ms: 4000 } }],
    }),
  },
  {
    id: "internal-address",
    hop: "route",
    title: "The address is the machine's internal one",
    when: (found) =>
      shut(found) &&
      !dialledTo(found, "refused") &&
      addressOf(found) !== found.target.machineAddress &&
      found.machine?.addresses.includes(addressOf(found)) === true,
    why: (found) =>
      `${addressOf(found)} is the machine's internal address: it works inside its own network only, and this computer is outside`,
    fix: (found) =>
      `use the external address: ${found.target.url.replace(found.target.host, found.target.machineAddress ?? "EXTERNAL")}`,
    outside: "No route, or nothing answers.",
    byHand: "`ip addr` on the machine shows the address; the provider's console shows another one as external.",
    example: (found) => ({
      ...outside(found, "timeout"),
      tcp: [{ address: "10.128.0.5", family: 4, dialled: closed }],
      target: { ...found.target, host: "10.128.0.5", literal: true, url: "http://10.128.0.5/decisions" },
    }),
  },
  {
    id: "no-route",
    hop: "route",
    title: "This computer has no route to that address",
    when: (found) => dialledTo(found, "no-route"),
    why: (found) => `this computer has no route to ${addressOf(found)}`,
    fix: () => "is it an address of a VPN that is not up, or an IPv6 address on a network that has none?",
    outside: "Network is unreachable, at once.",
    byHand: "`ip route get ADDRESS` says unreachable.",
    example: (found) => outside(found, "no-route"),
  },
  {
    id: "egress-filter",
    hop: "route",
    title: "Your own network does not let this port out",
    when: (found) =>
      dialledTo(found, "timeout") &&
      (found.target.port === 80 || found.target.port === 443) &&
      found.packet?.seen !== true &&
      found.route?.control.outcome === "open" &&
      found.route.controlPort.outcome === "timeout",
    why: (found) =>
      `port ${found.target.port} of ${found.route?.controlHost} does not answer either, its port 443 does: the network you are in lets port ${found.target.port} out to nobody`,
    fix: () => "try another network (a phone's hotspot); nothing is wrong with the machine",
    outside: "This port times out here, for any host; ssh works.",
    byHand: "`nc -vz -w 5 1.1.1.1 80` times out as well.",
    example: (found) => ({
      ...outside(found, "timeout"),
      route: {
        ssh: { outcome: "open", ms: 9 },
        control: { outcome: "open", ms: 9 },
        controlPort: closed,
        controlHost: "1.1.1.1",
      },
      packet: { seen: false, dnat: true },
    }),
  },
];
