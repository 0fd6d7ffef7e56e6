import { expect, test } from "vitest";
import { parseListeners } from "../../probes/bind.ts";
import { explainEnd, explainListeners } from "./diagnose.ts";

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
