import { expect, test } from "vitest";
import type { Front } from "../core/release.ts";
import { edgeConfig, switchCommands } from "./config.ts";
import { EMPTY_STATE, type EdgeState, type ServiceState } from "./state.ts";
import { HAND_ON, shutsOut } from "./workers.ts";

const FRONT: Front = { open: ["/", "/docs/*"], openPosts: ["/hook"], rate: { count: 5, perMs: 1000 }, body: 1000 };

function stateOf(more: Partial<ServiceState> = {}, front: Front = {}, id: string = "r1"): EdgeState {
  const settings = {
    replicas: 1,
    env: {},
    secrets: [],
    limits: { timeoutMs: 1000, readyMs: 1000, drainMs: 1000 },
    front,
  };
  const release = { id, service: "decisions", image: "", digest: "", settings, from: { who: "", at: "" } };
  const replicas = [{ container: id, address: "10.0.0.1", port: 80 }];
  return {
    ...EMPTY_STATE,
    services: {
      decisions: { service: "decisions", current: id, releases: [{ release, replicas, deployedAt: "" }], ...more },
    },
  };
}

const key = { sha256: "a".repeat(64), from: "manifest" as const, at: "" };

/** A service's own part, and what is counted for it. */
const part = (state: EdgeState): string =>
  /^backend s_[\s\S]*?(?=^backend nowhere)/m.exec(edgeConfig(state))?.[0] ?? "";

test("an open service asks for no key", () => {
  expect(part(stateOf())).toMatchSnapshot();
});

test("a closed service asks for one, but for its open paths", () => {
  expect(part(stateOf({ keys: { partners: key }, closed: true }, FRONT))).toMatchSnapshot();
});

test("a service that is closed and has no key left is as closed", () => {
  expect(part(stateOf({ keys: {}, closed: true }, FRONT))).toBe(
    part(stateOf({ keys: { partners: key }, closed: true }, FRONT)),
  );
});

test("the frontend, with HTTPS and a keeper", () => {
  const state = {
    ...stateOf({ prefix: "/loans" }),
    tls: 443,
    keeper: { address: "10.0.0.9", certificates: {}, shadows: {} },
  };
  expect(edgeConfig(state).split("backend s_")[0]).toMatchSnapshot();
});

test("the access log has no query: keys and people's data are in it", () => {
  const format = /^  log-format (.*)$/m.exec(edgeConfig(stateOf()))?.[1] ?? "";
  expect(format).toContain(String.raw`\"%HM %HPO %HV\"`);
  expect(format).not.toMatch(/%(\{[^}]*\})?(r|HU|HQ|HP) /);
});

test("only a release of HTTP/2 alone is spoken to in it, and only then the log has a gRPC status", () => {
  const plain = stateOf();
  const spoken = stateOf();
  for (const { release } of spoken.services["decisions"]?.releases ?? []) release.settings.protocol = "h2c";
  const server = (state: EdgeState): string => /^ {2}server r1.*$/m.exec(edgeConfig(state))?.[0] ?? "";
  expect(server(plain)).not.toContain("proto");
  expect(server(spoken)).toBe(`${server(plain)} proto h2`);
  expect(edgeConfig(plain)).not.toContain("grpc");
  expect(edgeConfig(spoken)).toContain(
    String.raw`%HV\" %[var(txn.grpc)]/%[var(txn.first)]/%[var(txn.told)]/%[var(txn.tokens)] %ID`,
  );
  // At run time a server has no defaults either.
  const next = structuredClone(spoken);
  for (const { release } of next.services["decisions"]?.releases ?? []) release.id = "r2";
  const [service] = Object.values(next.services);
  if (service !== undefined) service.current = "r2";
  expect(switchCommands(spoken, next, "decisions")?.[0]).toMatch(/^add server s_decisions\/r2\.1 .* proto h2$/);
});

test("the head of an answer waits for its first bytes only where the manifest says streams, and it is a stream", () => {
  const streaming = stateOf();
  for (const { release } of streaming.services["decisions"]?.releases ?? []) release.settings.streams = true;
  expect(edgeConfig(stateOf())).not.toContain("event-stream");
  const rules = edgeConfig(streaming)
    .split("\n")
    .filter((line) => line.includes("event-stream"));
  expect(rules).toHaveLength(4);
  expect(rules[2]).toContain("wait-for-body");
  expect(rules[2]).toContain("at-least 1 if { res.hdr(content-type)");
});

test("tokens are counted where answers may be streams or a rate is in tokens; elsewhere no program runs", () => {
  const [plain, streaming, limited] = [stateOf(), stateOf(), stateOf({}, { tokens: { count: 50_000, perMs: 60_000 } })];
  for (const { release } of streaming.services["decisions"]?.releases ?? []) release.settings.streams = true;
  expect(edgeConfig(plain)).not.toMatch(/lua|tokens/);
  expect(edgeConfig(streaming)).toMatch(/lua-load \S+[^]*filter lua.tokens/);
  expect(edgeConfig(streaming)).not.toContain("tokens_left");
  expect(edgeConfig(limited)).toContain("filter lua.tokens");
  expect(edgeConfig(limited)).toMatch(
    /lua.tokens_left decisions 50000 60\n.*status 429 .*retry-after "%\[var\(txn.wait\)\]"/,
  );
});

test("a request is traced only where the manifest says so; a rule makes no difference to anybody else's", () => {
  const plain = edgeConfig(stateOf());
  const traced = stateOf();
  for (const { release } of traced.services["decisions"]?.releases ?? [])
    release.settings.otel = { endpoint: "http://10.0.0.9:4318", share: 2.5 };
  expect(plain).not.toMatch(/traceparent|txn.told/);
  expect(edgeConfig(traced)).toContain("set-var(txn.sampled) str(1) if !traced { rand(10000) lt 250 }");
  // The collector's address is the keeper's affair.
  expect(edgeConfig(traced)).not.toContain("4318");
});

test("a key that comes or goes is no change of the configuration; opening and closing is one", () => {
  const [one, none, off] = [
    stateOf({ keys: { partners: key }, closed: true }),
    stateOf({ keys: {}, closed: true }),
    stateOf({ keys: {}, closed: false }),
  ];
  expect(switchCommands(one, none, "decisions")).toBeDefined();
  expect(switchCommands(none, off, "decisions")).toBeUndefined();
  expect([
    shutsOut(one, none, "decisions"),
    shutsOut(off, none, "decisions"),
    shutsOut(none, one, "decisions"),
  ]).toEqual([true, true, false]);
});

test("every HAProxy that a reload left is told, and no other", () => {
  expect(HAND_ON).toContain('master "@!$pid $1"');
  expect(HAND_ON).toContain("add map /var/lib/dray/left.map left 1");
});
