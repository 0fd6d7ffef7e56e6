// The figures of made-up services: what their places would say.
import type { LogSaid } from "../../packages/console/src/verbs.ts";
import { scored } from "../../packages/dray/src/core/check.ts";
import { FAULTS } from "../../packages/dray/src/core/faults/table.ts";
import { HEALTHY } from "../../packages/dray/src/core/faults/healthy.ts";
import type { Happening } from "../../packages/dray/src/core/happening.ts";
import type { MachineMetrics, Point } from "../../packages/dray/src/core/metrics.ts";
import type { Trace } from "../../packages/dray/src/core/trace.ts";
import { walk } from "../../packages/dray/src/core/walk.ts";

/** What is made up, and can be changed while a page looks at it. */
export interface Show {
  /** By place: the release that has the traffic. */
  live: Map<string, string>;
  /** Places that do not answer. */
  dead: Set<string>;
  /** The fault that the way to every model has. */
  fault: string | undefined;
  /** Lines that strangers wrote. */
  planted: string[];
  /** Requests that were tried, each with where it was sent. */
  tried: string[];
  /** The run that goes on; whoever follows it is told of each happening. */
  told: Happening[];
}

export const RELEASES = ["1cx82k9f", "7hq20d4m", "k3v9s1zb"] as const;
const IMAGE =
  "registry.example.test/team/decisions@sha256:9f2c41d07ab35e68c1f0d4b7a6e9528310cdfe4477aa90b1c2d3e4f506172839";
const HOUR_MS = 3_600_000;
const MIB = 1_048_576;

export const KEYS = {
  "partner-bank": { sha256: "5d41402abc4b2a76b9719d911017c592ae12f0", from: "manifest", at: agoOf(400) },
  "mobile-app": { sha256: "7c211433f02071597741e6ff5a8ea34789abbf43", from: "command", at: agoOf(30) },
};

export function agoOf(hours: number): string {
  return new Date(Date.now() - hours * HOUR_MS).toISOString();
}

const CERTIFICATES = {
  "decisions.example.test": { state: "valid", until: "2027-01-30T00:00:00Z", issuer: "a CA" },
};

export function statusOf(service: string, place: string, { live }: Show): object {
  const current = live.get(place);
  const releases = RELEASES.map((release, index) => ({
    release,
    image: IMAGE,
    traffic: release === current,
    share: release === current ? 100 : 0,
    running: release === current ? 3 : 0,
    replicas: 3,
    inFlight: release === current ? 4 : 0,
    who: ["olga", "piotr", "ci"][index],
    deployedAt: agoOf([640, 52, 2.3][index] ?? 1),
    commit: ["41d07ab35e68c1f0", "b7a6e9528310cdfe", "2c41d07ab35e68c1"][index],
  }));
  const data = {
    machine: place,
    services: [{ service, current, releases }],
    certificates: CERTIFICATES,
    unfinished: [],
  };
  return { data, text: [`${place}: https://decisions.example.test`] };
}

/** A day's rise and fall, the same each time it is asked for. */
function wave(at: number): number {
  return 1 + 0.45 * Math.sin(at / 13_000) + 0.12 * Math.sin(at / 611) + 0.05 * Math.sin(at / 97);
}

function pointAt(at: number, { live }: Show, place: string): Point {
  const perSecond = Math.round(420 * wave(at)) / 10;
  const modelP95Ms = Math.round(18 * (0.8 + 0.3 * wave(at + 900)));
  const queueP95Ms = Math.round(3 * wave(at) ** 2);
  const p95Ms = modelP95Ms + queueP95Ms + 2;
  return {
    at,
    requests: Math.round(perSecond * 60),
    perSecond,
    errors: at % 7 === 0 ? 2 : 0,
    refused: 0,
    p50Ms: Math.round(p95Ms * 0.42),
    p95Ms,
    p99Ms: Math.round(p95Ms * 1.6),
    queueP95Ms,
    modelP95Ms,
    releases: { [RELEASES[1]]: Math.round(perSecond) / 10, [live.get(place) ?? ""]: Math.round(perSecond * 9) / 10 },
  };
}

export function metricsOf(machine: string, sinceS: number, show: Show): MachineMetrics {
  const nowS = Math.floor(Date.now() / 1000);
  const partS = Math.max(60, sinceS / 120);
  const parts = Math.max(5, Math.min(120, Math.floor(sinceS / partS)));
  const series = Array.from({ length: parts }, (_each, index) =>
    pointAt(Math.floor(nowS - (parts - 1 - index) * partS), show, machine),
  );
  const all = { ...(series.at(-1) ?? pointAt(nowS, show, machine)), requests: 0, errors: 0 };
  for (const each of series) [all.requests, all.errors] = [all.requests + each.requests, all.errors + each.errors];
  const release = show.live.get(machine) ?? "";
  return {
    machine,
    sinceS,
    all,
    series,
    releases: [{ ...all, release }],
    callers: [
      { ...all, caller: "partner-bank" },
      { ...all, caller: "mobile-app", requests: Math.round(all.requests / 7), errors: 0 },
    ],
    containers: [1, 2, 3].map((index) => ({
      container: `decisions-${release}-${index}`,
      release,
      cpu: 0.31 + index / 40,
      memory: (300 + index * 41) * MIB,
      memoryLimit: 1024 * MIB,
      restarts: 0,
    })),
  };
}

export function traceOf(place: string, { fault }: Show): Trace {
  const found = FAULTS.find(({ id }) => id === fault)?.example(HEALTHY) ?? HEALTHY;
  return { ...walk(found, 214), machine: place };
}

const ITEMS: Parameters<typeof scored>[0] = [
  {
    number: 1,
    section: "interface",
    title: "HTTPS with a certificate that is in force",
    verdict: "pass",
    evidence: "of Let's Encrypt, 61 days left",
  },
  {
    number: 2,
    section: "interface",
    title: "Strangers are refused",
    verdict: "pass",
    evidence: "a request without a key was answered 401",
  },
  {
    number: 3,
    section: "delivery",
    title: "A release before this one is kept",
    verdict: "pass",
    evidence: "2 are kept",
  },
  {
    number: 4,
    section: "delivery",
    title: "A golden request with its answer",
    verdict: "fail",
    evidence: "golden.json is not there",
    fix: "dray golden record",
  },
  { number: 5, section: "runtime", title: "Memory is limited", verdict: "pass", evidence: "1 GiB each" },
  {
    number: 6,
    section: "runtime",
    title: "The cloud's metadata cannot be asked",
    verdict: "unknown",
    evidence: "it could not be asked",
  },
  {
    number: 7,
    section: "monitoring",
    title: "Somebody is told of troubles",
    verdict: "fail",
    evidence: "the manifest has no alerts",
    fix: "alerts: {webhook: {env: HOOK}} in dray.yaml",
  },
  {
    number: 8,
    section: "monitoring",
    title: "Drift was looked for",
    verdict: "skipped",
    evidence: "no requests are kept",
  },
];

export function linesOf({ planted }: Show): LogSaid[] {
  const said = Array.from({ length: 60 }, (_each, index) => ({
    machine: "eu-01",
    from: `decisions-${(index % 3) + 1}`,
    line: `INFO 2026-11-30T15:${String(index).padStart(2, "0")}:07Z POST /decisions 200 ${12 + (index % 9)} ms id=5f3c8a52-${1000 + index}`,
  }));
  return [...said, ...planted.map((line) => ({ machine: "eu-01", from: "decisions-1", line }))];
}

export function planOf(service: string, place: string, before: string, release: string) {
  const step = (kind: string, title: string) => ({ kind, on: place, title });
  return {
    service,
    release,
    changes: [{ what: "release", before, after: release }],
    stages: [
      {
        title: "start",
        steps: [step("start", "start 3 replicas"), step("prove", "ask the golden request")],
        onFailure: "undo",
      },
      { title: "switch", steps: [step("switch", "give it the traffic")], onFailure: "undo" },
    ],
  };
}

export function factsOf(machine: string, service: string): object {
  const size = { cpus: 8, memory: 32_768 * MIB, diskFree: 81_920 * MIB };
  return {
    machine,
    os: "Debian GNU/Linux 12",
    engine: "28.5.1",
    architecture: "amd64",
    ...size,
    addresses: ["203.0.113.7"],
    edge: true,
    services: [service],
  };
}

/** What `dray check` would say. */
export function checkedOf(): ReturnType<typeof scored> {
  return scored(ITEMS);
}
