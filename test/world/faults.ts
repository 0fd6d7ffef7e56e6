import { brokenHop, type HopName, type Trace } from "../../packages/dray/src/core/trace.ts";
import { draw } from "./lot.ts";
import { HAND_PORT, NAME, type Rig, startRig } from "./rig.ts";

/** One fault that the rig can make for real, and what `dray trace` should say of it. */
export interface RigFault {
  /** The row of the table that is right. */
  fault: string;
  hop: HopName;
  /** Where several injections are one row: which one. */
  as?: string;
  /** Breaks it; what comes back mends it. */
  inject: (rig: Rig) => Promise<() => Promise<unknown>>;
  /** Of `dray trace`; the deployed service of the sudo user when left out. */
  argv?: (rig: Rig, user: string) => string[];
  env?: (rig: Rig) => Record<string, string>;
  /** Only a user with these rights meets it so. */
  user?: "root" | "ops" | "sue" | "bob";
}

const service = (_rig: Rig, user: string): string[] => ["--file", `${user}.yaml`];
const hand = (rig: Rig, user: string, more: string[] = []): string[] => [
  "--machine",
  `${rig.vm.host}-${user}`,
  "--container",
  "my-api",
  "--url",
  `http://${rig.vm.address}:${HAND_PORT}/decisions`,
  "--data",
  '{"income": 1}',
  ...more,
];

/** A line of shell on one host, and the one that takes it back. */
const lines =
  (
    host: "client" | "router" | "vm",
    act: string | ((rig: Rig) => string),
    undo: string | ((rig: Rig) => string) = "true",
  ) =>
  async (rig: Rig): Promise<() => Promise<unknown>> => {
    const text = (of: string | ((rig: Rig) => string)): string => (typeof of === "string" ? of : of(rig));
    await rig.on(host, text(act));
    return async () => await rig.on(host, text(undo));
  };

/** The router drops, rejects or lets through. */
const routed = (rule: (rig: Rig) => string): RigFault["inject"] =>
  lines(
    "router",
    (rig) => `iptables -I FORWARD ${rule(rig)}`,
    (rig) => `iptables -D FORWARD ${rule(rig)}`,
  );

const named =
  (of: (rig: Rig) => string[]): RigFault["inject"] =>
  async (rig) => {
    await rig.names(of(rig));
    return async () => await rig.names([`${rig.vm.address} ${NAME}`]);
  };

/** The API behind the edge begins to behave badly. */
const mode = (word: string): RigFault["inject"] =>
  lines(
    "vm",
    (rig) => `docker exec ${rig.replica} sh -c 'echo ${word} > /tmp/mode'`,
    (rig) => `docker exec ${rig.replica} rm -f /tmp/mode`,
  );

/** Bash that waits until a container is as it should be: on a busy machine even a crash takes its time. `$1` state, `$2` restarts, `$3` pid. */
const until = (test: string, container = "my-api"): string =>
  `for i in $(seq 200); do set -- $(docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.Pid}}' ${container}); { ${test}; } && break; sleep 0.1; done`;
/** Somebody listens on the port in the container's network (proc(5): state 0A). */
const listens = (port: number): string =>
  `grep -qE ':${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F:]+ 0A ' /proc/$3/net/tcp`;
const ENDED = `[ "$1" = exited ] || [ "$1" = created ]`;

/** `docker run` by hand, as in the lecture. */
const run = (flags: string, test = listens(8080)): RigFault["inject"] =>
  lines(
    "vm",
    (rig) => `docker run -d --name my-api ${flags.replaceAll("IMAGE", rig.image)} >/dev/null 2>&1; ${until(test)}`,
    "docker rm -f my-api >/dev/null",
  );

const PUBLISH = `-p ${HAND_PORT}:8080`;
const onHost = (rig: Rig): string =>
  `docker run -d --name my-api --network host -e PORT=${HAND_PORT} ${rig.image} >/dev/null; ${until(listens(HAND_PORT))}`;

/** From the name to the machine. */
const REACH: readonly RigFault[] = [
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

/** The machine's own packet filter. */
const onVm = (rule: string): RigFault["inject"] => lines("vm", `iptables -I ${rule}`, `iptables -D ${rule}`);
const PACKET: readonly RigFault[] = [
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

/** The lecture's own `docker run`, done wrong. */
const BY_HAND: readonly RigFault[] = [
  { fault: "nothing-running", hop: "container", inject: lines("vm", "true"), argv: hand },
  { fault: "published-on-localhost", hop: "listener", inject: run(`-p 127.0.0.1:${HAND_PORT}:8080 IMAGE`), argv: hand },
  { fault: "exposed-not-published", hop: "listener", inject: run("IMAGE"), argv: hand },
  { fault: "published-elsewhere", hop: "listener", inject: run("-p 8090:8080 IMAGE"), argv: hand },
  {
    fault: "port-taken",
    hop: "listener",
    inject: run("-p 80:8080 IMAGE", ENDED),
    argv: (rig, user) => hand(rig, user).map((word) => word.replace(`:${HAND_PORT}/`, ":80/")),
  },
  { fault: "app-on-localhost", hop: "bind", inject: run(`${PUBLISH} -e MODE=localhost IMAGE`), argv: hand },
  {
    fault: "wrong-container-port",
    hop: "bind",
    inject: run(`${PUBLISH} -e PORT=8082 IMAGE`, listens(8082)),
    argv: hand,
  },
  { fault: "starting", hop: "ready", inject: run(`${PUBLISH} -e MODE=silent IMAGE`, `[ "$1" = running ]`), argv: hand },
  {
    fault: "crash-loop",
    hop: "container",
    inject: run(`${PUBLISH} --restart always -e MODE=crash IMAGE`, `[ "$2" -ge 2 ]`),
    argv: hand,
  },
  { fault: "crashed", hop: "container", inject: run(`${PUBLISH} -e MODE=crash IMAGE`, ENDED), argv: hand },
  {
    fault: "out-of-memory",
    hop: "container",
    inject: run(`${PUBLISH} --memory 40m --memory-swap 40m -e MODE=eat IMAGE`, ENDED),
    argv: hand,
  },
  {
    fault: "wrong-architecture",
    hop: "container",
    inject: lines(
      "vm",
      // The head of a 64-bit ELF file for aarch64 (machine 183), and nothing after it.
      (rig) =>
        `printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' > /arm; chmod +x /arm; docker run -d --name my-api ${PUBLISH} -v /arm:/arm --entrypoint /arm ${rig.image} >/dev/null 2>&1; ${until(ENDED)}`,
      "docker rm -f my-api >/dev/null; rm /arm",
    ),
    argv: hand,
  },
  {
    fault: "command-missing",
    hop: "container",
    inject: run(`${PUBLISH} --entrypoint uvicorn IMAGE`, ENDED),
    argv: hand,
  },
  {
    fault: "stopped",
    as: "by hand",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker run -d --name my-api ${PUBLISH} ${rig.image} >/dev/null; docker stop -t 0 my-api >/dev/null`,
      "docker rm -f my-api >/dev/null",
    ),
    argv: hand,
  },
];

const TLS_PORT = 8443;
const secure = (rig: Rig, user: string): string[] => [
  "--machine",
  `${rig.vm.host}-${user}`,
  "--container",
  "my-api",
  "--url",
  `https://${NAME}:${TLS_PORT}/`,
];

/** An API that speaks TLS by itself, with a certificate of the wrong kind. `dates`: faketime's word for when it was made. */
function certificate(dates: string, days: number, name: string): RigFault["inject"] {
  const make = `rm -rf /tls; mkdir -p /tls; cd /tls; openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days ${days} -subj /CN=${name} -addext subjectAltName=DNS:${name} 2>/dev/null; chmod 644 *`;
  return async (rig) => {
    // The client has faketime; the VM is as a cloud hands it over.
    await rig.on("client", `faketime '${dates}' sh -c '${make}'; cp -r /tls ${rig.vm.folder}/`);
    await rig.copyTls();
    await rig.on(
      "vm",
      `docker run -d --name my-api -p ${TLS_PORT}:8080 -v /tls:/tls:ro -e MODE=tls ${rig.image} >/dev/null; ${until(listens(8080))}`,
    );
    return async () => await rig.on("vm", "docker rm -f my-api >/dev/null");
  };
}

const trusted = (rig: Rig): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: `${rig.vm.folder}/tls/cert.pem` });

const TLS: readonly RigFault[] = [
  { fault: "certificate-untrusted", hop: "tls", inject: certificate("now", 30, NAME), argv: secure },
  {
    fault: "certificate-expired",
    hop: "tls",
    inject: certificate("60 days ago", 30, NAME),
    argv: secure,
    env: trusted,
  },
  {
    fault: "certificate-not-yet-valid",
    hop: "tls",
    inject: certificate("+5 days", 30, NAME),
    argv: secure,
    env: trusted,
  },
  {
    fault: "certificate-wrong-name",
    hop: "tls",
    inject: certificate("now", 30, "other.example.test"),
    argv: secure,
    env: trusted,
  },
  {
    fault: "clock-wrong",
    hop: "tls",
    inject: certificate("now", 30, NAME),
    argv: secure,
    env: (rig) => ({
      ...trusted(rig),
      LD_PRELOAD: "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
      FAKETIME: "+400d",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    }),
  },
  {
    fault: "tls-on-plain-port",
    hop: "tls",
    inject: lines("vm", "true"),
    argv: (rig, user) => [...service(rig, user), "--url", `https://${NAME}:80/decisions`],
  },
  {
    fault: "plain-on-tls-port",
    hop: "tls",
    inject: certificate("now", 30, NAME),
    argv: (rig, user) => secure(rig, user).map((word) => word.replace("https:", "http:")),
  },
];

/** The edge and what is behind it. */
const SERVED: readonly RigFault[] = [
  {
    fault: "edge-stopped",
    hop: "edge",
    inject: lines("vm", "docker stop -t 1 dray-edge", `docker start dray-edge; ${until(listens(80), "dray-edge")}`),
  },
  { fault: "edge-paused", hop: "edge", inject: lines("vm", "docker pause dray-edge", "docker unpause dray-edge") },
  {
    fault: "wrong-host",
    hop: "edge",
    inject: named((rig) => [`${rig.vm.address} ${NAME}`, `${rig.vm.address} www.example.test`]),
    argv: (rig, user) => [...service(rig, user), "--url", "http://www.example.test/decisions"],
  },
  {
    fault: "stale-upstream",
    hop: "edge",
    inject: edgeCommand((rig) => `set server s_decisions/SERVER addr ${rig.vm.address} port 9`, "ADDRESS"),
  },
  {
    fault: "edge-holds-back",
    hop: "edge",
    inject: edgeCommand(() => "set server s_decisions/SERVER state maint", "ready"),
  },
  {
    fault: "edge-cut-off",
    hop: "edge",
    inject: lines(
      "vm",
      // Within the network only: the machine itself still gets to the container.
      "iptables -t raw -I PREROUTING -i drayc+ -p tcp --dport 8080 -j DROP",
      "iptables -t raw -D PREROUTING -i drayc+ -p tcp --dport 8080 -j DROP",
    ),
  },
  {
    fault: "record-drift",
    hop: "record",
    inject: async (rig) => {
      const state = "/var/lib/dray/state.json";
      const release = rig.replica.split("-")[2] ?? "";
      const script = `cat ${state} > ${state}.rig; text=$(cat ${state}.rig); printf "%s\\n" "\${text//${release}/0old0old}" > ${state}`;
      await rig.on("vm", `docker exec dray-edge bash -c '${script}'`);
      return async () => await rig.on("vm", `docker exec dray-edge mv ${state}.rig ${state}`);
    },
  },
  {
    fault: "not-deployed",
    hop: "record",
    inject: lines(
      "client",
      (rig) =>
        `sed s/decisions/other/ ${rig.vm.folder}/sue.yaml > ${rig.vm.folder}/other.yaml; sed s/decisions/other/ ${rig.vm.folder}/ops.yaml > ${rig.vm.folder}/other-ops.yaml`,
    ),
    argv: (_rig, user) => ["--file", user === "ops" ? "other-ops.yaml" : "other.yaml", "--url", `http://${NAME}/`],
  },
  {
    fault: "stopped",
    as: "behind the edge",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker stop -t 0 ${rig.replica}`,
      (rig) => `docker start ${rig.replica}; ${until(listens(8080), rig.replica)}`,
    ),
  },
  {
    fault: "paused",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker pause ${rig.replica}`,
      (rig) => `docker unpause ${rig.replica}`,
    ),
  },
  { fault: "hung", hop: "ready", inject: mode("hang") },
  {
    fault: "still-loading",
    hop: "ready",
    inject: lines(
      "vm",
      (rig) =>
        `docker exec ${rig.replica} sh -c 'echo unready > /tmp/mode'; docker restart -t 0 ${rig.replica}; ${until(listens(8080), rig.replica)}`,
      (rig) => `docker exec ${rig.replica} rm -f /tmp/mode`,
    ),
  },
  {
    fault: "never-ready",
    hop: "ready",
    inject: async (rig) => {
      await rig.on(
        "client",
        `for user in sue ops; do sed 's/limits: {/limits: {ready: 1s, /' ${rig.vm.folder}/$user.yaml > ${rig.vm.folder}/hasty-$user.yaml; done`,
      );
      return await mode("unready")(rig);
    },
    argv: (_rig, user) => ["--file", `hasty-${user}.yaml`],
  },
  { fault: "app-error", hop: "predict", inject: mode("error") },
  { fault: "schema-error", hop: "predict", inject: mode("schema") },
  { fault: "body-too-large", hop: "predict", inject: mode("large") },
  { fault: "key-wanted", hop: "predict", inject: mode("key") },
  { fault: "overloaded", hop: "predict", inject: mode("busy") },
  { fault: "wrong-route", hop: "predict", inject: mode("gone") },
  { fault: "golden-differs", hop: "predict", inject: mode("wrong-golden") },
  { fault: "slow", hop: "predict", inject: mode("slow") },
];

/** HAProxy's runtime API, over its socket inside the edge; the second is how it is put right. */
function edgeCommand(command: (rig: Rig) => string, back: "ADDRESS" | "ready"): RigFault["inject"] {
  const send = (text: string): string =>
    `docker exec dray-edge bash -c "exec 5<>/dev/tcp/127.0.0.1/9999; echo '${text}' >&5; cat <&5"`;
  return async (rig) => {
    const server = `${rig.replica.split("-")[2]}.1`;
    const address = await rig.on(
      "vm",
      `docker inspect ${rig.replica} -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'`,
    );
    await rig.on("vm", send(command(rig).replace("SERVER", server)));
    const undo = back === "ready" ? "state ready" : `addr ${address} port 8080`;
    return async () => await rig.on("vm", send(`set server s_decisions/${server} ${undo}`));
  };
}

const engineOff =
  "touch /etc/world-engine-off; kill $(pgrep -x dockerd); while pgrep -x dockerd >/dev/null; do sleep 0.1; done";
const engineOn =
  "rm -f /etc/world-engine-off; for i in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.2; done; sleep 2";

/** The engine with what it ran before, and that serves again. */
const engineBack = (rig: Rig): string =>
  `${engineOn}; ${until(listens(80), "dray-edge")}; ${until(listens(8080), rig.replica)}`;

/** The operator's own way in; what breaks the engine comes last. */
const ACCESS: readonly RigFault[] = [
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

/** On the way to the machine; and on the machine itself. */
export const WAY_FAULTS: readonly RigFault[] = [...REACH, ...PACKET, ...TLS];
export const MACHINE_FAULTS: readonly RigFault[] = [...BY_HAND, ...SERVED, ...ACCESS];

/** Every fault the rig can make. */
export const RIG_FAULTS: readonly RigFault[] = [...WAY_FAULTS, ...MACHINE_FAULTS];

/** What `dray trace` said of a fault. */
export interface Said {
  hop?: string;
  fault?: string;
  reached: boolean;
  /** Milliseconds: of the walk, and of the whole command. */
  ms: number;
  wallMs: number;
  trace: Trace;
}

/** Runs `dray trace` on the client, as it would be typed. @throws Error with what it printed when that is no trace */
export async function say(rig: Rig, argv: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const ended = await rig.dray(["trace", "--json", ...argv], env);
  let trace: Trace;
  try {
    trace = JSON.parse(ended.stdout) as Trace;
    const broken = brokenHop(trace);
    const cause = broken?.fault === undefined ? {} : { hop: broken.hop, fault: broken.fault };
    return { ...cause, reached: trace.reached, ms: trace.ms, wallMs: ended.ms, trace };
  } catch (error) {
    throw new Error(`no trace: ${ended.stdout}\n${ended.stderr}`, { cause: error });
  }
}

/** Makes a fault, asks, and mends it. `user`: who is on the machine, where the fault does not say. */
export async function meet(rig: Rig, fault: RigFault, user: "root" | "sue" | "ops"): Promise<Said> {
  const undo = await fault.inject(rig);
  try {
    return await say(rig, (fault.argv ?? service)(rig, fault.user ?? user), fault.env?.(rig));
  } finally {
    await undo();
  }
}

/** Makes one fault after the other on a rig of its own; of those that were not named as they should, what was said. */
export async function meetAll(faults: readonly RigFault[]): Promise<string[]> {
  await using rig = await startRig();
  const wrong: string[] = [];
  const whole = async (): Promise<void> => {
    const { fault, reached, trace } = await say(rig, ["--file", "sue.yaml"]);
    if (fault !== undefined || !reached) wrong.push(`a way that is whole: ${fault} ${JSON.stringify(trace)}`);
  };
  await whole();
  // A sixth of them a day once more for a user without sudo, who may be told less, and nothing wrong.
  const blind = new Set(
    draw(
      faults.filter(({ user }) => user === undefined),
      Math.ceil(faults.length / 6),
    ),
  );
  for (const fault of faults) {
    const said = await meet(rig, fault, "sue");
    if (said.fault !== fault.fault || said.hop !== fault.hop) wrong.push(`${nameOf(fault)}: ${wordsOf(said)}`);
    const unreadable = said.trace.hops.filter(({ why, fix }) => /\[object|NaN/.test(`${why} ${fix}`));
    wrong.push(...unreadable.map(({ why, fix }) => `${nameOf(fault)} is told as ${why} ${fix}`));
  }
  for (const fault of blind) {
    const said = await meet(rig, fault, "ops");
    if (said.fault !== undefined && said.fault !== fault.fault)
      wrong.push(`${nameOf(fault)}, without sudo: ${wordsOf(said)}`);
  }
  // All mended: the way is as it was.
  await whole();
  return wrong;
}

const nameOf = ({ fault, as }: RigFault): string => [fault, as].filter(Boolean).join(", ");

const wordsOf = ({ fault, hop, trace }: Said): string =>
  `${fault} at ${hop} ${JSON.stringify(trace.hops.map((each) => [each.hop, each.verdict, each.evidence]))}`;
