// The model server as it runs in a container with several cores: a process for each, behind one port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { deadline } from "drayage-clock";
import { expect, test } from "vitest";
import { mlp } from "../world/mlp.ts";
import { worldFolder } from "../world/owner.ts";
import { freePort } from "../world/ports.ts";

const SERVER = fileURLToPath(new URL("../../packages/serve/dist/bundle/main.js", import.meta.url));
const WORKERS = 3;
const LAYERS = [64, 1024, 1024, 2];
const ROW = JSON.stringify(Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`x_${index}`, 0.5])));

/** Where platforms ask whether requests may come. */
const READY = ["/health/ready", "/v2/health/ready", "/v2/models/model/ready", "/ping"];

interface Serving extends AsyncDisposable {
  port: number;
  /** Process ids. */
  workers(): Promise<number[]>;
}

async function serve(): Promise<Serving> {
  const folder = await worldFolder("dray-workers-");
  const model = path.join(folder, "model.onnx");
  await writeFile(model, mlp(LAYERS));
  const port = await freePort();
  const flags = { model, host: "127.0.0.1", port, workers: WORKERS, log: "warn" };
  const argv = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [SERVER, ...argv], { stdio: ["ignore", "ignore", "inherit"] });
  return {
    port,
    workers: async () => {
      const said = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
      return said.trim().split(/\s+/).map(Number);
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

/** The status of an answer, or why there was none; each time on a connection of its own, which may go to any worker. */
async function ask(port: number, where: string, body?: string): Promise<number | string> {
  const headers = { connection: "close", "content-type": "application/json" };
  using limit = deadline(10_000);
  const options = {
    port,
    path: where,
    agent: false,
    method: body === undefined ? "GET" : "POST",
    headers,
    signal: limit.signal,
  };
  return await new Promise((resolve) => {
    const request = http.request(options, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
    });
    request.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    request.end(body);
  });
}

/** Of `expect.poll`: how long it may take, and how often to look. */
const SOON = { timeout: 60_000, interval: 2 };

const decisions = async (port: number, count: number): Promise<(number | string)[]> =>
  await Promise.all(Array.from({ length: count }, async () => await ask(port, "/decisions", ROW)));

test("is ready when all its workers are: whoever is told so by one is answered by each", async () => {
  await using serving = await serve();
  const { port } = serving;
  let slow = 0;
  await expect
    .poll(async () => {
      const workers = await serving.workers();
      slow = workers.at(-1) ?? 0;
      return workers.length === WORKERS && (await isNode(slow));
    }, SOON)
    .toBe(true);
  process.kill(slow, "SIGSTOP");
  await expect.poll(async () => await ask(port, "/decisions", ROW), SOON).toBe(200);
  const meanwhile = [];
  for (const where of READY) meanwhile.push(await ask(port, where));
  process.kill(slow, "SIGCONT");
  expect(meanwhile).toEqual([503, 503, 503, 503]);
  await expect.poll(async () => await ask(port, "/health/ready"), SOON).toBe(200);
  expect(new Set(await decisions(port, 60))).toEqual(new Set([200]));
  for (const where of READY) expect(await ask(port, where)).toBe(200);
});

test("a worker that dies is replaced, and nobody is told to come back later", async () => {
  await using serving = await serve();
  const { port } = serving;
  await expect.poll(async () => await ask(port, "/health/ready"), SOON).toBe(200);
  const before = await serving.workers();
  expect(before).toHaveLength(WORKERS);
  const [victim = 0] = before;
  process.kill(victim, "SIGKILL");
  const seen = new Set<number | string>();
  await expect
    .poll(async () => {
      for (const status of [await ask(port, "/health/ready"), ...(await decisions(port, 2))]) seen.add(status);
      return !(await serving.workers()).includes(victim) && (await loaded(port)) === WORKERS;
    }, SOON)
    .toBe(true);
  for (const status of await decisions(port, 60)) seen.add(status);
  // What the one that died had in hand at that moment is lost.
  seen.delete("ECONNRESET");
  expect([...seen]).toEqual([200]);
});

/** Between fork and exec its parent waits for it, and would stand still with it. */
async function isNode(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/environ`, "utf8")).includes("NODE_UNIQUE_ID");
}

/** Workers that have loaded their model: each counts for one. */
async function loaded(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^dray_workers\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
}
