import type { Dialled, MachineFacts, Rule } from "../core/evidence.ts";

/** Prints `addresses=...`: the machine's own, without those of Docker's bridges and of our services' networks (drayc..., drayo...). */
export const ADDRESSES: string =
  'echo "addresses=$(ip -o addr show scope global 2>/dev/null | grep -vE "^[0-9]+: (docker|br-|veth|dray[co])" | grep -oE "inet6? [^ /]+" | cut -d" " -f2 | tr "\\n" " ")"';

/** Sets S to what reads a packet filter (nothing, or sudo), and r to the rights there are. */
const RIGHTS = `PATH=$PATH:/usr/sbin:/sbin; S=; r=none
if [ "$(id -u)" = 0 ]; then r=root; elif sudo -n true 2>/dev/null; then r=sudo; S="sudo -n"; fi`;

const RULES = `[ "$r" = none ] || $S iptables-save -c 2>/dev/null`;

/** Prints the rules with their counters, where they may be read. */
export const RULES_SCRIPT = `${RIGHTS}\n${RULES}`;

/** A line of shell that tries to connect from the machine and prints how it ended. */
export function dialScript(name: string, host: string, port: number): string {
  const quoted = `exec 3<>/dev/tcp/${host}/${port}`;
  return `echo "dial-${name}=$(timeout 2 bash -c '${quoted}' 2>&1 && echo open || echo "end $?")" | tr '\\n' ' '; echo`;
}

/** What one round trip finds out of a machine, as the login user; \`more\` are further lines of the script. */
export function factsScript(more: readonly string[]): string {
  return [
    RIGHTS,
    `echo "user=$(id -un)"; echo "rights=$r"; echo "clock=$(date +%s)"`,
    `echo "forwarding=$(cat /proc/sys/net/ipv4/ip_forward)"`,
    `echo "disk=$(df -Pk /var/lib/docker 2>/dev/null | sed -n 2p)"; echo "root=$(df -Pk / | sed -n 2p)"`,
    `echo "vendor=$(cat /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name 2>/dev/null | tr '\\n' ' ')"`,
    `echo "ufw=$(grep -s ^ENABLED= /etc/ufw/ufw.conf)"`,
    ADDRESSES,
    ...more,
    `echo "--listeners"; $S ss -Hltnp 2>/dev/null`,
    `echo "--rules"; ${RULES}`,
  ].join("\n");
}

const CLOUDS: [RegExp, MachineFacts["cloud"]][] = [
  [/Google/, "gce"],
  [/Amazon/, "aws"],
  [/Microsoft/, "azure"],
  [/Hetzner/, "hetzner"],
];

/** Reads what `factsScript` printed; undefined where the login's shell did not run it. */
export function parseFacts(said: string): MachineFacts | undefined {
  if (!/^rights=\w/m.test(said) || !/^clock=\d/m.test(said)) return undefined;
  const [facts = "", rest = ""] = said.split("--listeners\n");
  const [listeners = "", rules = ""] = rest.split("--rules\n");
  const fact = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(facts)?.[1]?.trim() ?? "";
  const rights = fact("rights") as MachineFacts["rights"];
  const disk = parseDisk(fact("disk")) ?? parseDisk(fact("root"));
  return {
    user: fact("user"),
    rights,
    forwarding: fact("forwarding") !== "0",
    listeners: listeners.split("\n").flatMap(parseListening),
    ...(disk === undefined ? {} : { disk }),
    ...(rights === "none" || rules.trim() === "" ? {} : { rules: parseRules(rules) }),
    addresses: fact("addresses")
      .split(/\s+/)
      .filter((each) => each !== ""),
    cloud: CLOUDS.find(([pattern]) => pattern.test(fact("vendor")))?.[1] ?? "other",
    clock: Number(fact("clock")),
    ufw: /yes/i.test(fact("ufw")),
  };
}

/** `df -Pk`: filesystem, 1024-blocks, used, available, capacity, mounted on. */
function parseDisk(line: string): MachineFacts["disk"] {
  const [, , , available, percent, mounted] = line.split(/\s+/);
  if (available === undefined || percent === undefined) return undefined;
  return { path: mounted ?? "/", freeBytes: Number(available) * 1024, usedPercent: Number.parseInt(percent, 10) };
}

/** `ss -Hltnp`: state, queues, local address:port, peer, users:(("program",pid=1,fd=2)). */
function parseListening(line: string): MachineFacts["listeners"] {
  const local = line.trim().split(/\s+/)[3];
  const found = local === undefined ? null : /^(.*):(\d+)$/.exec(local);
  if (found === null) return [];
  const program = /\(\("([^"]+)",pid=(\d+)/.exec(line);
  return [
    {
      address: found[1] ?? "",
      port: Number(found[2]),
      ...(program === null ? {} : { program: `${program[1]} (pid ${program[2]})` }),
    },
  ];
}

/** `iptables-save -c`: `*table`, `:CHAIN POLICY [packets:bytes]`, `[packets:bytes] -A CHAIN ...`. */
export function parseRules(said: string): Rule[] {
  let table = "";
  return said.split("\n").flatMap((line) => {
    if (line.startsWith("*")) table = line.slice(1).trim();
    const policy = /^:(\S+) (ACCEPT|DROP) \[(\d+):/.exec(line);
    if (policy !== null)
      return [{ table, chain: policy[1] ?? "", text: `policy ${policy[2]}`, packets: Number(policy[3]) }];
    const rule = /^\[(\d+):\d+\] -A (\S+) (.*)$/.exec(line);
    return rule === null ? [] : [{ table, chain: rule[2] ?? "", text: rule[3] ?? "", packets: Number(rule[1]) }];
  });
}

/** How an attempt of `dialScript` ended; undefined where the machine has no bash. */
export function parseDial(said: string, name: string): Dialled | undefined {
  const line = new RegExp(`^dial-${name}=(.*)$`, "m").exec(said)?.[1];
  if (line === undefined || /bash: (not found|No such file)|end 127/.test(line)) return undefined;
  const outcome = /open/.test(line)
    ? "open"
    : /refused/.test(line)
      ? "refused"
      : /end 124/.test(line)
        ? "timeout"
        : /unreachable|No route/.test(line)
          ? "unreachable"
          : "failed";
  return { outcome, ms: 0 };
}
