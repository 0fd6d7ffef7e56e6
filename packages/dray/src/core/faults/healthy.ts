import type { ContainerFacts, Evidence, Exchange, Healthy } from "../evidence.ts";

const APP: ContainerFacts = {
  name: "dray-decisions-1k2m3n4p-1",
  status: "running",
  exitCode: 0,
  outOfMemory: false,
  error: "",
  restarts: 0,
  uptimeS: 3600,
  image: "dray/decisions:1k2m3n4p",
  architecture: "amd64",
  memoryLimit: 1_073_741_824,
  pid: 4711,
  address: "172.30.80.21",
  exposed: [8080],
  published: [],
  hostNetwork: false,
  log: [],
};

const EDGE: ContainerFacts = {
  ...APP,
  name: "dray-edge",
  image: "haproxy",
  address: "172.30.80.2",
  exposed: [80],
  published: [{ hostIp: "0.0.0.0", hostPort: 80, port: 80 }],
};

/** A way on which nothing is wrong: where the examples of faults begin. */
export const HEALTHY: Healthy = {
  now: Date.UTC(2026, 10, 25),
  target: {
    url: "http://api.example.com/decisions",
    https: false,
    host: "api.example.com",
    port: 80,
    literal: false,
    method: "POST",
    path: "/decisions",
    readyPath: "/health",
    readyMs: 60_000,
    timeoutMs: 60_000,
    asks: "golden",
    bodyBytes: 200,
    machine: "my-vm",
    machineAddress: "203.0.113.7",
    service: "decisions",
  },
  name: { a: ["203.0.113.7"], aaaa: [], ms: 3, machine: ["203.0.113.7"] },
  route: {
    ssh: { outcome: "open", ms: 12 },
    control: { outcome: "open", ms: 10 },
    controlPort: { outcome: "open", ms: 10 },
    controlHost: "1.1.1.1",
  },
  tcp: [{ address: "203.0.113.7", family: 4, dialled: { outcome: "open", ms: 12 } }],
  ssh: { ms: 200 },
  engine: { ms: 20, version: "20.10.24", architecture: "amd64" },
  machine: {
    user: "sue",
    rights: "sudo",
    forwarding: true,
    listeners: [{ address: "0.0.0.0", port: 80, program: "docker-proxy" }],
    disk: { path: "/var/lib/docker", freeBytes: 20e9, usedPercent: 40 },
    rules: [
      {
        table: "nat",
        chain: "DOCKER",
        text: "-p tcp -m tcp --dport 80 -j DNAT --to-destination 172.30.80.2:80",
        packets: 9,
      },
    ],
    addresses: ["10.128.0.5"],
    cloud: "other",
    clock: Date.UTC(2026, 10, 25) / 1000,
    ufw: false,
  },
  record: {
    edge: "running",
    services: ["decisions"],
    current: "1k2m3n4p",
    replicas: [{ container: APP.name, address: APP.address, port: 8080 }],
    traffic: [{ release: "1k2m3n4p", address: "172.30.80.21:8080", takes: true }],
  },
  edge: EDGE,
  app: APP,
  loopback: { outcome: "open", ms: 2 },
  containerDial: { outcome: "open", ms: 2, address: APP.address, port: 8080 },
  binds: [{ port: 8080, loopback: false }],
  answer: {
    outcome: "answered",
    ms: 20,
    status: 200,
    headers: { "x-dray-release": "1k2m3n4p" },
    body: "{}",
    wrong: [],
  },
  ready: { outcome: "answered", ms: 4, status: 200, headers: {}, body: "{}" },
  predict: { outcome: "answered", ms: 8, status: 200, headers: {}, body: "{}", wrong: [] },
};

/** The same service run by hand: `docker run -d -p 80:8080 --name=my-api`. */
export function byHand(found: Evidence): Evidence {
  const { edge: _edge, ...rest } = found;
  const { service: _service, ...target } = found.target;
  const app: ContainerFacts = {
    ...APP,
    name: "my-api",
    image: "my-api",
    address: "172.17.0.2",
    published: [{ hostIp: "0.0.0.0", hostPort: 80, port: 8080 }],
  };
  return {
    ...rest,
    target: { ...target, asks: "given", container: "my-api" },
    record: { edge: "none", services: [], replicas: [], traffic: [] },
    app,
    containerDial: { outcome: "open", ms: 2, address: app.address, port: 8080 },
    answer: { outcome: "answered", ms: 20, status: 200, headers: {}, body: "{}" },
  };
}

/** The evidence with another connection from outside. */
export function outside(found: Evidence, outcome: "refused" | "timeout" | "unreachable" | "no-route"): Evidence {
  const exchange = outcome === "no-route" ? "unreachable" : outcome;
  return {
    ...found,
    tcp: (found.tcp ?? []).map((each) => ({ ...each, dialled: { outcome, ms: 3 } })),
    answer: { outcome: exchange, ms: 3 },
  };
}

/** The evidence with another container behind the edge. */
export function withApp(found: Evidence, change: Partial<ContainerFacts>): Evidence {
  return { ...found, app: { ...(found.app ?? APP), ...change } };
}

/** What a client sees when the edge has nobody behind it. */
export function noReplica(found: Evidence, change: Partial<ContainerFacts>): Evidence {
  return {
    ...withApp(found, change),
    answer: { outcome: "answered", ms: 5, status: 503, headers: {}, body: "" },
    containerDial: { outcome: "unreachable", ms: 5, address: "172.30.80.21", port: 8080 },
    binds: [],
    ready: { outcome: "unreachable", ms: 5 },
    predict: { outcome: "unreachable", ms: 5 },
  };
}

/** The evidence with another answer of the app. */
export function answered(found: Evidence, status: number, body: string = "{}"): Evidence {
  const answer: Exchange = {
    outcome: "answered",
    ms: 9,
    status,
    headers: { "x-dray-release": "1k2m3n4p" },
    body,
    wrong: [`status ${status}`],
  };
  return { ...found, answer, predict: answer };
}
