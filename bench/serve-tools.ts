// A server on core 0, and the load that it gets from core 1.
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { must, prepareBase } from "../test/world/images.ts";

export const SERVER: string = fileURLToPath(new URL("../packages/serve/dist/bundle/main.js", import.meta.url));
const STEADY = fileURLToPath(new URL("serve/steady.mjs", import.meta.url));

/** Milliseconds, and requests a second. */
export interface Measured {
  rps: number;
  p50: number;
  p99: number;
}

let last: ChildProcess | undefined;

/** Starts Node with these arguments on core 0, or on others; what comes back ends it. */
export function startPinned(argv: string[], cores = "0", env: Record<string, string> = {}): () => Promise<void> {
  const child = spawn("taskset", ["-c", cores, process.execPath, ...argv], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  last = child;
  return async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  };
}

/** Of the server that was started last. */
export async function residentMb(): Promise<number> {
  const status = await readFile(`/proc/${last?.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/** Waits until the server answers a row. @throws Error after `ms` */
export async function answers(port: number, row: string, ms: number): Promise<void> {
  await untilOk(port, "/decisions", ms, { method: "POST", headers: { "content-type": "application/json" }, body: row });
}

/** Waits until our server says that it, with all its workers, is ready. @throws Error after `ms` */
export async function untilReady(port: number, ms: number): Promise<void> {
  await untilOk(port, "/health/ready", ms);
}

async function untilOk(port: number, where: string, ms: number, options: RequestInit = {}): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until;) {
    const answer = await fetch(`http://127.0.0.1:${port}${where}`, options).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`nothing answers on port ${port}`);
}

/** Closed loop, keep-alive. */
export async function load(
  port: number,
  row: string,
  connections: number,
  seconds: number,
  authorization?: string,
): Promise<Measured & { requests: number }> {
  const url = `http://127.0.0.1:${port}/decisions`;
  const said = await must([
    "docker",
    "run",
    "--rm",
    "--network",
    "host",
    "-e",
    `ROW=${row}`,
    ...(authorization === undefined ? [] : ["-e", `AUTHORIZATION=${authorization}`]),
    "drayage-bench/wrk",
    `-c${connections}`,
    `-d${seconds}s`,
    url,
  ]);
  const result = JSON.parse(said.trim().split("\n").at(-1) ?? "") as {
    requests: number;
    seconds: number;
    errors: number;
    p50: number;
    p99: number;
  };
  if (result.errors > 0) throw new Error(`${url}: ${result.errors} errors`);
  const { requests, seconds: took } = result;
  return { requests, rps: requests / took, p50: result.p50 / 1000, p99: result.p99 / 1000 };
}

/** Open loop: requests leave at random moments (Poisson), `rate` a second, whatever the answers do. */
export async function steady(
  port: number,
  row: string,
  rate: number,
  seconds: number,
  authorization?: string,
): Promise<Measured> {
  const url = `http://127.0.0.1:${port}/decisions`;
  const env = authorization === undefined ? [] : ["env", `AUTHORIZATION=${authorization}`];
  const argv = ["taskset", "-c", "1", ...env, process.execPath, STEADY, url, String(rate), String(seconds)];
  return JSON.parse(await must(argv, row)) as Measured;
}

/** The load generator's image. */
export async function prepareWrk(): Promise<void> {
  const folder = fileURLToPath(new URL("serve", import.meta.url));
  await prepareBase();
  await must(["docker", "build", "-q", "-t", "drayage-bench/wrk", "-f", `${folder}/wrk.Dockerfile`, folder]);
}
