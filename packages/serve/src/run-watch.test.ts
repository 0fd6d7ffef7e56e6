import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { fixture, postJson } from "./testing.ts";

// Its model has a loop that never ends when it is asked for 123456. onnxruntime stands in the way of every timer then.

let server: ChildProcess | undefined;
afterEach(() => server?.kill("SIGKILL"));

async function started(workers: number): Promise<{ address: string; said: () => string }> {
  const flags = { port: 0, workers, host: "127.0.0.1", timeoutMs: 500, model: fixture("endless") };
  const argv = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const main = path.join(import.meta.dirname, "main.ts");
  const child = spawn(process.execPath, ["--import", "tsx", main, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  server = child;
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const found = (): string | undefined => /"address":"([^"]+)".*"msg":"ready"/.exec(said)?.[1];
  const address = await vi.waitUntil(found, { timeout: 50_000, interval: 100 });
  return { address, said: () => said };
}

const ask = async (address: string, x: number): Promise<number | string> =>
  await postJson(`${address}/decisions`, { x }).then(
    ({ status }) => status,
    () => "gone",
  );

test("a run that nobody waits for any more ends the process, and it says why", async () => {
  const { address, said } = await started(1);
  expect(await ask(address, 1)).toBe(200);
  const ended = once(server as ChildProcess, "exit");
  expect(await ask(address, 123_456)).toBe("gone");
  expect(await ended).toEqual([null, "SIGALRM"]);
  expect(said()).toContain("took longer than");
});

test("one of several workers is replaced; the others answer meanwhile", async () => {
  const { address } = await started(2);
  expect(await ask(address, 123_456)).toBe("gone");
  await vi.waitUntil(async () => (await ask(address, 1)) === 200, { timeout: 50_000, interval: 100 });
  expect(server?.exitCode).toBe(null);
});
