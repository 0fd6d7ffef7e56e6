import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { parseListeners } from "../../../probes/bind.ts";
import { explainEnd, explainListeners, explainNotReady, listeners } from "./diagnose.ts";

const row = (address: string, state: string): string =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000`;

test("sockets that listen are read with their port and whether only the container itself reaches them", () => {
  const said = [
    "  sl  local_address rem_address   st",
    row("0100007F:1F90", "0A"),
    row("00000000:0050", "0A"),
    row("0500A8C0:D431", "01"),
    row("00000000000000000000000001000000:1F91", "0A"),
    row("00000000000000000000000000000000:0050", "0A"),
  ].join("\n");
  expect(parseListeners(said)).toEqual([
    { port: 8080, loopback: true },
    { port: 80, loopback: false },
    { port: 8081, loopback: true },
  ]);
});

const expected = { readyMs: 3000, port: 8080, ready: "/health" };

test("gRPC alone is called what it is, not a parser's error", () => {
  const cause = new Error("GET / said: Parse Error: Expected HTTP/, RTSP/ or ICE/");
  const failure = explainListeners([{ port: 8080, loopback: false }], expected, [], cause);
  expect(failure).toMatchObject({
    code: "release.not-ready",
    message: "it listens, but does not answer in HTTP/1.1",
    hint: expect.stringContaining("gRPC") as unknown,
  });
});

test("a full folder may be shared memory, which is said also where the program does not name it", () => {
  const lines = ['  File "/serve.py", line 3, in load', "OSError: [Errno 28] No space left on device"];
  const failure = explainEnd({ ExitCode: 1, OOMKilled: false, Error: "" }, lines, undefined);
  expect(failure.hint).toContain("limits: {shm: 4GiB}");
});

test.each([
  ["only on loopback", [{ port: 8080, loopback: true }], "release.localhost-only"],
  ["on another port", [{ port: 5000, loopback: false }], "release.wrong-port"],
  ["nowhere", [], "release.not-ready"],
  ["where it should", [{ port: 8080, loopback: false }], "release.not-ready"],
])("a container that listens %s", (_where, open, code) => {
  const failure = explainListeners(open, expected, ["a line"], new Error("status 503"));
  expect(failure.code).toBe(code);
  expect(failure.hint).toBeTruthy();
  expect(failure.details).toEqual(["a line"]);
});

test.each(["usage: serve [-h] --model MODEL", "Usage of /server:", "  Usage: llama-server [options]"])(
  "a program that ends with %j wants arguments, and that is said",
  (line) => {
    const state = { ExitCode: 2, OOMKilled: false, Error: "" };
    expect(explainEnd(state, [line, "error: --model is required"], undefined).hint).toContain("wants arguments");
    expect(explainEnd(state, ["KeyError: 'usage'"], undefined).hint).toContain("docker run");
  },
);

/** An engine that answers as `answer` says, nothing where it says so; and what it was asked. */
async function engineOf(answer: (asked: string) => object | undefined): Promise<{ engine: Engine; asked: string[] }> {
  const asked: string[] = [];
  const server = http.createServer((request, reply) => {
    asked.push(`${request.method} ${request.url?.split("?")[0]}`);
    const said = answer(asked.at(-1) ?? "");
    if (said !== undefined) reply.end(JSON.stringify(said));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const engine = new Engine(() => Promise.resolve(connect((server.address() as AddressInfo).port, "127.0.0.1")));
  onTestFinished(() => {
    engine.close();
    server.closeAllConnections();
    server.close();
  });
  return { engine, asked };
}

const runsAs =
  (said: string): Machine["run"] =>
  () =>
    Promise.resolve({ code: 0, stdout: said, stderr: "" });
const SOCKETS = `  sl  local_address rem_address   st\n${row("00000000:0050", "0A")}\n`;
const RUNNING = { Id: "c1", State: { Running: true, Pid: 77 } };
const never = new AbortController().signal;

test("what listens is read by the machine's shell, and no container is made for it", async () => {
  const { engine, asked } = await engineOf(() => RUNNING);
  expect(await listeners({ engine, run: runsAs(SOCKETS) }, "a", "edge", never)).toEqual([
    { port: 80, loopback: false },
  ]);
  expect(asked).toEqual(["GET /containers/a/json"]);
});

test("where the shell cannot see the container's process, a helper looks", async () => {
  const { engine, asked } = await engineOf((what) => (what.startsWith("GET /containers/a") ? RUNNING : { Id: "h" }));
  await listeners({ engine, run: runsAs("") }, "a", "edge", never).catch(() => undefined);
  expect(asked).toContain("POST /containers/create");
  expect(asked.at(-1)).toBe("DELETE /containers/h");
});

test("a machine that does not answer is not asked for ever why a release is not ready, and nothing is made up", async () => {
  const { engine } = await engineOf(() => undefined);
  const machine = { engine, run: (() => new Promise(() => undefined)) as Machine["run"] };
  const startedAt = performance.now();
  const failure = await explainNotReady(
    machine,
    { container: "a", image: "edge" },
    { readyMs: 3000, port: 80 },
    new Error("GET / said: 503"),
  );
  expect(performance.now() - startedAt).toBeLessThan(5000);
  expect(failure.message).toBe("it was not ready within 3 s: GET / said: 503");
});
