import { NAME } from "../rig.ts";
import { service, lines, routed, named, type RigFault } from "./fault.ts";

/** From the name to the machine. */
export const REACH: readonly RigFault[] = [
  { fault: "name-not-found", hop: "name", inject: named(() => ["192.0.2.1 other.example.test"]) },
  { fault: "name-elsewhere", hop: "name", inject: named((rig) => [`${rig.control} ${NAME}`]) },
  { fault: "stale-aaaa", hop: "name", inject: named((rig) => [`${rig.vm.address} ${NAME}`, `2001:db8::9 ${NAME}`]) },
  {
    fault: "resolver-filters",
    hop: "name",
    inject: named(() => ["192.0.2.1 other.example.test"]),
    argv: (rig, user) => [
      ...service(rig, user),
      "--url",
      `http://${rig.vm.address.replaceAll(".", "-")}.sslip.io/decisions`,
    ],
  },
  { fault: "resolver-down", hop: "name", inject: lines("router", "pkill -STOP dnsmasq", "pkill -CONT dnsmasq") },
  { fault: "offline", hop: "route", inject: routed(() => "-j DROP") },
  {
    fault: "internal-address",
    hop: "route",
    // The router lets nothing through to it: the client is outside the machine's own network.
    inject: async (rig) => {
      const unroute = await routed(() => "-d 10.128.0.5 -j DROP")(rig);
      await rig.on("vm", "ip addr add 10.128.0.5/32 dev eth0");
      return async () => {
        await rig.on("vm", "ip addr del 10.128.0.5/32 dev eth0");
        await unroute();
      };
    },
    argv: (rig, user) => [...service(rig, user), "--url", "http://10.128.0.5/decisions"],
  },
  {
    fault: "no-route",
    hop: "route",
    inject: lines(
      "client",
      (rig) =>
        `for each in ${rig.vm.address} ${rig.control}; do ip route add $each via ${rig.router}; done; ip route del default`,
      (rig) =>
        `ip route add default via ${rig.router}; for each in ${rig.vm.address} ${rig.control}; do ip route del $each; done`,
    ),
    argv: (rig, user) => [...service(rig, user), "--url", "http://198.51.100.7/decisions"],
  },
  { fault: "egress-filter", hop: "route", inject: routed(() => "-p tcp --dport 80 -j DROP") },
  { fault: "machine-silent", hop: "tcp", inject: routed((rig) => `-d ${rig.vm.address} -j DROP`) },
  { fault: "cloud-firewall", hop: "packet", inject: routed((rig) => `-d ${rig.vm.address} -p tcp --dport 80 -j DROP`) },
];
