import { once } from "node:events";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { worldFolder } from "../world/owner.ts";
import { runDray, startDray } from "../world/vm.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/decisions-onnx", import.meta.url));
const ROWS = 2000;
/** So many rows are answered before the kill, but for those that are out at once. */
const GIVEN = 300;
const IN_FLIGHT = 16;

/** Hands on to a server; holds all but the first requests, until it is opened: a kill comes in the middle, however late. */
async function startGate(to: string): Promise<AsyncDisposable & { url: string; open(): void }> {
  let passed = 0;
  let most = GIVEN;
  const server = http.createServer((request, answer) => {
    if (++passed > most) return;
    const { method, headers } = request;
    const onward = http.request(`${to}${request.url}`, { method, headers }, (said) => {
      answer.writeHead(said.statusCode ?? 500, said.headers);
      said.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    request.pipe(onward);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => void (most = Number.POSITIVE_INFINITY),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("dray batch is killed in the middle, and the same command answers every row once, in order", async () => {
  const folder = await worldFolder();
  await cp(EXAMPLE, folder, { recursive: true });
  const golden = JSON.parse(await readFile(path.join(EXAMPLE, "golden.json"), "utf8")) as {
    request: { body: Record<string, unknown> };
  }[];
  const row = golden[0]?.request.body ?? {};
  const rows = Array.from({ length: ROWS }, (_, at) => `${JSON.stringify({ ...row, income: 20 + at / 50 })}\n`);
  await writeFile(path.join(folder, "rows.jsonl"), rows.join(""));
  const port = String(20_000 + Math.floor(Math.random() * 20_000));
  const serving = startDray(folder, process.env, ["serve", "--port", port]);
  await using gate = await startGate(`http://127.0.0.1:${port}`);
  const out = path.join(folder, "answers.jsonl");
  const argv = ["batch", "rows.jsonl", "-o", "answers.jsonl", "--url", gate.url, "--json"];
  const answered = async (): Promise<number> => (await readFile(out, "utf8").catch(() => "")).split("\n").length - 1;
  try {
    await expect
      .poll(() =>
        fetch(`http://127.0.0.1:${port}/health/ready`).then(
          (each) => each.ok,
          () => false,
        ),
      )
      .toBe(true);
    const first = startDray(folder, process.env, argv);
    await expect.poll(answered).toBeGreaterThanOrEqual(GIVEN - IN_FLIGHT);
    first.kill("SIGKILL");
    await first.ended;
    const kept = await answered();
    expect(kept).toBeLessThan(ROWS);
    gate.open();
    const second = await runDray(folder, process.env, argv);
    expect(second.code, second.stderr).toBe(0);
    expect(JSON.parse(second.stdout)).toMatchObject({ rows: ROWS, answered: ROWS, failed: 0, before: kept });
    const lines = (await readFile(out, "utf8")).trim().split("\n");
    const numbers = lines.map((line) => (JSON.parse(line) as { row: number }).row);
    expect(numbers).toEqual(Array.from({ length: ROWS }, (_, at) => at + 1));
    // Some answers against the model asked for that row alone.
    for (const at of [0, 1, kept - 1, kept, ROWS - 1]) {
      const headers = { "content-type": "application/json" };
      const asked = await fetch(`http://127.0.0.1:${port}/decisions`, {
        method: "POST",
        headers,
        body: rows[at] ?? "",
      });
      expect((JSON.parse(lines[at] ?? "") as { answer: unknown }).answer).toEqual(await asked.json());
    }
  } finally {
    serving.kill("SIGTERM");
    await serving.ended;
    await rm(folder, { recursive: true, force: true });
  }
});
