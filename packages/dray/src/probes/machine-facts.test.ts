import { expect, test } from "vitest";
import { readListeners } from "./bind.ts";
import { parseDial, parseFacts, parseRules } from "./machine-facts.ts";
import { followPacket } from "./packet.ts";

const RULES = (dnat: number, drop: number, policy: number): string => `*nat
:PREROUTING ACCEPT [10:600]
[${dnat}:240] -A DOCKER ! -i br-1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.80.2:80
COMMIT
*filter
:INPUT DROP [${policy}:60]
[${drop}:240] -A DOCKER-USER -p tcp -m tcp --dport 80 -j DROP
[7:420] -A DOCKER-USER -p tcp -m tcp --dport 9000 -j DROP
COMMIT`;

const SAID = `user=sue
rights=sudo
clock=1790000000
forwarding=1
disk=/dev/vda1 1000 900 100 90% /var/lib/docker
root=/dev/vda1 1000 900 100 90% /
vendor=Google Google Compute Engine
ufw=ENABLED=yes
addresses=10.128.0.5 fe80::1
dial-loopback=bash: connect: Connection refused end 1
--listeners
LISTEN 0 4096 0.0.0.0:80 0.0.0.0:* users:(("docker-proxy",pid=42,fd=4))
LISTEN 0 128 [::]:22 [::]:*
--rules
${RULES(4, 0, 0)}`;

test("what a machine's shell printed is read", () => {
  expect(parseFacts(SAID)).toMatchObject({
    user: "sue",
    rights: "sudo",
    forwarding: true,
    clock: 1_790_000_000,
    cloud: "gce",
    ufw: true,
    disk: { path: "/var/lib/docker", freeBytes: 102_400, usedPercent: 90 },
    addresses: ["10.128.0.5", "fe80::1"],
    listeners: [
      { address: "0.0.0.0", port: 80, program: "docker-proxy (pid 42)" },
      { address: "[::]", port: 22 },
    ],
  });
  expect(parseFacts(SAID.replace("rights=sudo", "rights=none"))?.rules).toBeUndefined();
});

test.each([
  ["dial-loopback=open ", "open"],
  ["dial-loopback=bash: connect: Connection refused end 1 ", "refused"],
  ["dial-loopback=end 124 ", "timeout"],
  ["dial-loopback=bash: connect: No route to host end 1 ", "unreachable"],
])("%s", (said, outcome) => {
  expect(parseDial(said, "loopback")?.outcome).toBe(outcome);
});

test("a machine without bash cannot say", () => {
  expect(
    parseDial("dial-loopback=timeout: failed to run command 'bash': No such file or directory end 127", "loopback"),
  ).toBeUndefined();
});

test("a packet is followed by the counters that rose", () => {
  const follow = (dnat: number, drop: number, policy: number): ReturnType<typeof followPacket> =>
    followPacket(parseRules(RULES(4, 0, 0)), parseRules(RULES(dnat, drop, policy)), [80]);
  expect(follow(4, 0, 0)).toEqual({ seen: false, dnat: true });
  expect(follow(6, 0, 0)).toEqual({ seen: true, dnat: true });
  expect(follow(6, 2, 1)).toMatchObject({ seen: true, dropped: { chain: "DOCKER-USER" } });
  expect(follow(4, 0, 3)).toMatchObject({ seen: true, dropped: { chain: "INPUT", text: "policy DROP" } });
});

test("a login whose shell runs something else says nothing about its machine, and nothing is made of that", () => {
  expect(parseFacts("Welcome! This account runs tmux only.\n")).toBeUndefined();
  expect(parseFacts("")).toBeUndefined();
  expect(readListeners("")).toBeUndefined();
  expect(readListeners("Welcome!")).toBeUndefined();
  expect(readListeners("  sl  local_address rem_address   st\n")).toEqual([]);
});
