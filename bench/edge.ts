// The edge with everything on (keys, rate, limits, ids, access log) beside bare proxies of the same Debian, one core each.
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { edgeConfig, namedFiles } from "../packages/dray/src/edge/config.ts";
import { EMPTY_STATE, type EdgeState, HOME } from "../packages/dray/src/edge/state.ts";
import { EDGE_IMAGE, must } from "../test/world/images.ts";
import { worldFolder } from "../test/world/owner.ts";
import { cpuUs } from "./cpu.ts";
import { median } from "./median.ts";
import { load, type Measured, prepareWrk, startPinned, steady } from "./serve-tools.ts";
import type { Figures, Stage } from "./stage.ts";

const KEY = "a-partner-key-of-a-good-length";
const ROW = '{"income": 1200, "age": 41, "amount": 9000}';
/** As many as the limit lets through: with half of them the edge's core is idle a tenth of the time, since the load's core has the keeper, too. */
const CONNECTIONS = 64;
/** A neighbour on the machine comes and goes within seconds: many short turns, each peer once in each, meet it alike. */
const TURNS = 4;
const SMOKE = { turns: 1, steadySeconds: 1 };
const TURN_SECONDS = 1;
const STEADY_PER_SECOND = 1000;
const STEADY_SECONDS = 4;
const IMAGE = "drayage-bench/edge";
const FOLDER = fileURLToPath(new URL("edge", import.meta.url));
const UPSTREAM = 9301;
const KEEPER = fileURLToPath(new URL("../packages/keeper/dist/bundle/main.js", import.meta.url));

interface Started {
  /** Microseconds of CPU time until now. */
  cpuUs: () => Promise<number>;
  stop: () => Promise<void>;
}

interface Peer {
  name: string;
  port: number;
  /** Arguments of `docker run`, after the image. */
  argv: string[];
  image: string;
  mount?: string;
}

/** `cpu`: microseconds of its core for a request; with the load on the other core this is what a core of its own could do. */
type Full = Measured & { cpu: number };

/**
 * Requests a second and CPU time for each at saturation, and p50/p99 at 1,000 a second; medians of all turns. Each of
 * `rounds` starts every peer anew; those that have no turn wait idle.
 */
export async function benchEdge(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const size = stage.smoke ? SMOKE : { turns: TURNS, steadySeconds: STEADY_SECONDS };
  await must(["docker", "build", "-q", "-t", IMAGE, "-f", path.join(FOLDER, "edge.Dockerfile"), FOLDER]);
  await prepareWrk();
  const home = await worldFolder("dray-bench-edge-");
  // Its own keeper empties the ring of log lines and counts; it has the core that the load comes from.
  const stopKeeper = startPinned([KEEPER], "1", { DRAY_HOME: home, DRAY_SECRETS: path.join(home, "secrets") });
  const upstream = await start({ name: "direct", port: UPSTREAM, image: IMAGE, argv: haproxy("upstream") }, "1");
  const peers = await peersIn(home);
  const full = new Map<string, Full[]>();
  const light = new Map<string, Measured[]>();
  try {
    for (let round = 0; round < rounds; round++) {
      await oneRound(peers, upstream, { full, light, ...size });
      for (const { name } of peers) say(line(name, full.get(name) ?? [], light.get(name) ?? []));
    }
  } finally {
    await upstream.stop();
    await stopKeeper();
    await rm(home, { recursive: true, force: true });
  }
  return summary(peers, full, light);
}

const bearer = `Bearer ${KEY}`;

function note<Of>(into: Map<string, Of[]>, name: string, measured: Of): void {
  into.set(name, [...(into.get(name) ?? []), measured]);
}

/** What a round measures, and where it notes that. */
interface Round {
  full: Map<string, Full[]>;
  light: Map<string, Measured[]>;
  turns: number;
  steadySeconds: number;
}

/** Starts every peer, measures each in turn, and stops them. */
async function oneRound(
  peers: readonly Peer[],
  upstream: Started,
  { full, light, turns, steadySeconds }: Round,
): Promise<void> {
  const started = new Map<string, Started>();
  try {
    for (const peer of peers) if (peer.name !== "direct") started.set(peer.name, await start(peer, "0"));
    for (let turn = 0; turn < turns; turn++)
      for (const { name, port } of peers) note(full, name, await saturate(port, started.get(name) ?? upstream));
    for (const { name, port } of peers)
      note(light, name, await steady(port, ROW, STEADY_PER_SECOND, steadySeconds, bearer));
  } finally {
    for (const { stop } of started.values()) await stop();
  }
}

async function saturate(port: number, proxy: Started): Promise<Full> {
  const before = await proxy.cpuUs();
  const measured = await load(port, ROW, CONNECTIONS, TURN_SECONDS, bearer);
  return { ...measured, cpu: ((await proxy.cpuUs()) - before) / measured.requests };
}

/** What a peer did in the last round. */
function line(name: string, full: readonly Full[], light: readonly Measured[]): string {
  const turns = full.slice(-TURNS).map(({ rps }) => Math.round(rps));
  const cpu = full.slice(-TURNS).map((each) => each.cpu.toFixed(1));
  const last = light.at(-1);
  return `${name}: ${turns.join(", ")} requests/s, ${cpu.join(", ")} us of CPU each; at 1,000/s p50 ${last?.p50} ms, p99 ${last?.p99} ms`;
}

function summary(
  peers: readonly Peer[],
  full: ReadonlyMap<string, Full[]>,
  light: ReadonlyMap<string, Measured[]>,
): Record<string, number> {
  const all = (name: string, what: "rps" | "cpu"): number[] => (full.get(name) ?? []).map((each) => each[what]);
  const hundredths = (value: number): number => Math.round(value * 100) / 100;
  // Turn by turn: a neighbour takes from both of a turn alike.
  const ratio = (above: number[], below: number[]): number =>
    hundredths(median(above.map((each, turn) => each / (below[turn] ?? Number.NaN))));
  const over = (name: string): number => ratio(all("ours", "rps"), all(name, "rps"));
  const of = (name: string, what: "p50" | "p99"): number =>
    Math.round(median((light.get(name) ?? []).map((each) => each[what])) * 1000) / 1000;
  return {
    ...Object.fromEntries(peers.map(({ name }) => [`${name}Rps`, Math.round(median(all(name, "rps")))])),
    ...Object.fromEntries(
      peers.flatMap(({ name }) => [
        [`${name}P50Ms`, of(name, "p50")],
        [`${name}P99Ms`, of(name, "p99")],
      ]),
    ),
    ...Object.fromEntries(peers.map(({ name }) => [`${name}CpuUs`, hundredths(median(all(name, "cpu")))])),
    overHaproxy: over("haproxy"),
    overNginx: over("nginx"),
    overCaddy: over("caddy"),
    perCpuOverHaproxy: ratio(all("haproxy", "cpu"), all("ours", "cpu")),
  };
}

const haproxy = (name: string): string[] => ["haproxy", "-db", "-f", `/${name}.cfg`];

async function peersIn(home: string): Promise<Peer[]> {
  const ours = 9302;
  await writeFile(path.join(home, "haproxy.cfg"), edgeConfig(everything(ours)));
  await must(["bash", "-c", namedFiles().join("\n").replaceAll(HOME, home)]);
  await writeFile(
    path.join(home, "keys-decisions.map"),
    `${createHash("sha256").update(KEY).digest("hex")} partners\n`,
  );
  return [
    { name: "direct", port: UPSTREAM, image: IMAGE, argv: [] },
    {
      name: "ours",
      port: ours,
      image: EDGE_IMAGE,
      argv: ["haproxy", "-W", "-db", "-f", "/var/lib/dray/haproxy.cfg"],
      mount: `${home}:/var/lib/dray`,
    },
    { name: "haproxy", port: 9303, image: IMAGE, argv: haproxy("haproxy") },
    { name: "nginx", port: 9304, image: IMAGE, argv: ["nginx", "-c", "/nginx.conf"] },
    { name: "caddy", port: 9305, image: IMAGE, argv: ["caddy", "run", "--config", "/Caddyfile"] },
  ];
}

/** A state in which nothing that the edge can do for a service is left out. */
function everything(port: number): EdgeState {
  const release = {
    id: "1abcdefg",
    service: "decisions",
    image: "api:1",
    digest: "",
    settings: {
      replicas: 1,
      env: {},
      secrets: [],
      limits: { timeoutMs: 60_000, readyMs: 1, drainMs: 1, concurrency: 64 },
      front: { open: ["/", "/docs", "/docs/*"], rate: { count: 1_000_000, perMs: 1000 }, body: 1_000_000, queue: 64 },
    },
    from: { who: "bench", at: "" },
  };
  const replicas = [{ container: "", address: "127.0.0.1", port: UPSTREAM }];
  const keys = { partners: { sha256: "", from: "manifest" as const, at: "" } };
  const service = {
    service: "decisions",
    current: release.id,
    releases: [{ release, replicas, deployedAt: "" }],
    keys,
  };
  const keeper = { certificates: {}, shadows: {}, address: "127.0.0.1" };
  return { ...EMPTY_STATE, port, keeper, services: { decisions: service } };
}

/** Starts a proxy on one core, and waits until it answers. */
async function start(peer: Peer, core: string): Promise<Started> {
  const logs = ["--log-opt", "max-size=10m", "--log-opt", "max-file=3"];
  const mount = peer.mount === undefined ? [] : ["-v", peer.mount];
  const where = ["--network", "host", "--cpuset-cpus", core, "--user", "0:0"];
  const id = await must(["docker", "run", "-d", "--rm", ...where, ...logs, ...mount, peer.image, ...peer.argv]);
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${peer.port}/decisions`, {
      headers: { authorization: bearer },
    }).catch(() => undefined);
    if (answer?.ok === true) break;
    if (attempt > 100) throw new Error(`${peer.name} does not answer: ${await must(["docker", "logs", id])}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { cpuUs: async () => await cpuUs(id), stop: async () => void (await must(["docker", "rm", "-f", id])) };
}
