import http from "node:http";
import { percentile } from "../../packages/dray/src/core/judge.ts";
import { appImage } from "./images.ts";
import type { Vm } from "./vm.ts";

const CONCURRENCY = 4;
const QUEUE = 8;

interface Window {
  sent: number;
  accepted: number[];
  refused: number[];
  /** Answers that are neither, and connections that broke. */
  broken: number;
  withoutRetryAfter: number;
}

/** What callers met before, during and after five times as many requests as the service can take. Milliseconds and MiB. */
export interface Overload {
  sent: number;
  accepted: number;
  refused: number;
  broken: number;
  withoutRetryAfter: number;
  calmP99Ms: number;
  acceptedP50Ms: number;
  acceptedP99Ms: number;
  refusedP50Ms: number;
  refusedP99Ms: number;
  edgeGrewMiB: number;
  afterP99Ms: number;
  afterRefused: number;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An API that takes `takesMs`, for how long it is called at half of what it can do, and for how long at five times that. */
export interface Shape {
  takesMs: number;
  calmMs: number;
  overMs: number;
}

/** Deploys a service with limits and calls it calmly, with too much, and calmly again. */
export async function overload(vm: Vm, { takesMs, calmMs, overMs }: Shape): Promise<Overload> {
  await deploy(vm, takesMs);
  /** What the replica can do in a second. */
  const capacity = (CONCURRENCY * 1000) / takesMs;
  const calm = await load(vm, capacity * 0.5, calmMs, CONCURRENCY);
  const memory = await edgeMemory(vm);
  const over = await load(vm, capacity * 5, overMs);
  const grown = (await edgeMemory(vm)) - memory;
  await wait(1000);
  const after = await load(vm, capacity * 0.5, calmMs, CONCURRENCY);
  return {
    sent: over.sent,
    accepted: over.accepted.length,
    refused: over.refused.length,
    broken: calm.broken + over.broken + after.broken,
    withoutRetryAfter: over.withoutRetryAfter,
    calmP99Ms: at(calm.accepted, 0.99),
    acceptedP50Ms: at(over.accepted, 0.5),
    acceptedP99Ms: at(over.accepted, 0.99),
    refusedP50Ms: at(over.refused, 0.5),
    refusedP99Ms: at(over.refused, 0.99),
    edgeGrewMiB: Math.round(grown / 1024 ** 2),
    afterP99Ms: at(after.accepted, 0.99),
    afterRefused: after.refused.length,
  };
}

async function deploy(vm: Vm, takesMs: number): Promise<void> {
  await vm.write(
    "dray.yaml",
    [
      "service: decisions",
      `machine: ${vm.host}`,
      `image: ${appImage("1")}`,
      "ready: /",
      `env: {POLITE: "1", TAKES_MS: "${takesMs}"}`,
      `limits: {concurrency: ${CONCURRENCY}, queue: ${QUEUE}}`,
      "",
    ].join("\n"),
  );
  const ended = await vm.dray("deploy", "-y");
  if (ended.code !== 0) throw new Error(ended.stderr);
}

/** Calls at a constant rate, open loop; what a busy computer was too late for is forgotten beyond `atOnce`: in one burst it would be an overload itself. */
async function load(vm: Vm, perSecond: number, ms: number, atOnce: number = Number.POSITIVE_INFINITY): Promise<Window> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
  const window: Window = { sent: 0, accepted: [], refused: [], broken: 0, withoutRetryAfter: 0 };
  const open = new Set<Promise<void>>();
  let forgotten = 0;
  const startedAt = performance.now();
  while (performance.now() - startedAt < ms) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond) - forgotten;
    forgotten += Math.max(0, due - window.sent - atOnce);
    for (const until = Math.min(due, window.sent + atOnce); window.sent < until; window.sent++) {
      const one = call(vm, agent, window);
      open.add(one);
      void one.finally(() => open.delete(one));
    }
    await wait(2);
  }
  await Promise.all(open);
  agent.destroy();
  return window;
}

async function call(vm: Vm, agent: http.Agent, window: Window): Promise<void> {
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const request = http.request(
      `http://${vm.address}/decisions`,
      { method: "POST", agent, headers: { "content-length": "2" }, timeout: 10_000 },
      (answer) => {
        answer.resume();
        answer.once("end", () => {
          const took = performance.now() - startedAt;
          if (answer.statusCode === 200) window.accepted.push(took);
          else if (answer.statusCode === 429) {
            window.refused.push(took);
            if (answer.headers["retry-after"] === undefined) window.withoutRetryAfter++;
          } else window.broken++;
          resolve();
        });
      },
    );
    request.once("timeout", () => request.destroy(new Error("timeout")));
    request.once("error", () => {
      window.broken++;
      resolve();
    });
    request.end("{}");
  });
}

async function edgeMemory(vm: Vm): Promise<number> {
  // Master and worker, whatever their numbers; what ends meanwhile has no file any more.
  const said = await vm.inside(
    "docker",
    "exec",
    "dray-edge",
    "bash",
    "-c",
    "cat /proc/[0-9]*/status 2>/dev/null; true",
  );
  const resident = [...said.matchAll(/^Name:\s+haproxy\n[\s\S]*?^VmRSS:\s+(\d+)/gm)];
  if (resident.length === 0) throw new Error(`no haproxy in ${said}`);
  return resident.reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0);
}

const at = (times: readonly number[], share: number): number => Math.round(percentile(times, share) * 10) / 10;
