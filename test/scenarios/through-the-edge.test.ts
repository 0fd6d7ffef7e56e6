import { once } from "node:events";
import http from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { parseAccess } from "drayage-record";
import type { Settings } from "../../packages/dray/src/core/release.ts";
import { ADMIN, RELOAD } from "../../packages/dray/src/edge/script.ts";
import type { EdgeState } from "../../packages/dray/src/edge/state.ts";
import { HAND_ON } from "../../packages/dray/src/edge/workers.ts";
import { type BareEdge, checkConfig, serviceOf, startEdge, stateOf } from "../world/edge.ts";

/** A state whose release has these settings, too. */
function stateWith(replica: { address: string; port: number }, settings: Partial<Settings>): EdgeState {
  const service = serviceOf({}, replica);
  for (const { release } of service.releases) Object.assign(release.settings, settings);
  return stateOf(service);
}

/** Says which headers came. */
const echo: http.RequestListener = (request, answer) => void answer.end(JSON.stringify(request.headers));

async function headersBehind(edge: BareEdge, headers: Record<string, string>): Promise<http.IncomingHttpHeaders> {
  const answer = await fetch(`http://${edge.address}/decisions`, { headers });
  return (await answer.json()) as http.IncomingHttpHeaders;
}

const OTEL = { endpoint: "http://10.0.0.9:4318", share: 100 };
const [TRACE, SPAN] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
const header = (flags: string): string => `00-${TRACE}-${SPAN}-${flags}`;

test("HAProxy takes the configuration of HTTP/2 alone, and of traces, and warns of nothing", async () => {
  for (const settings of [{ protocol: "h2c" }, { otel: OTEL }, { protocol: "h2c", streams: true, otel: OTEL }] as const)
    expect(await checkConfig(stateWith({ address: "10.0.0.1", port: 80 }, settings))).not.toMatch(/WARNING|ALERT/);
});

test("a caller's traceparent goes on as it is; where requests are traced the release is below the edge's own span", async () => {
  await using plain = await startEdge((replica) => stateWith(replica, {}), echo);
  expect((await headersBehind(plain, { traceparent: header("01") }))["traceparent"]).toBe(header("01"));
  expect((await headersBehind(plain, {}))["traceparent"]).toBeUndefined();

  await using edge = await startEdge((replica) => stateWith(replica, { otel: OTEL }), echo);
  const below = (await headersBehind(edge, { traceparent: header("01") }))["traceparent"];
  expect(below).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`));
  // Who does not want to be traced is not; what is no traceparent begins a trace, which is called as the request is.
  expect((await headersBehind(edge, { traceparent: header("00") }))["traceparent"]).toMatch(/-00$/);
  const begun = await headersBehind(edge, { traceparent: "what" });
  const id = String(begun["x-request-id"]).replaceAll("-", "");
  expect(begun["traceparent"]).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-01$`));

  const traced = (): (string | undefined)[] =>
    edge
      .log()
      .split("\n")
      .flatMap((line) => parseAccess(line) ?? [])
      .map(({ trace }) => trace && [trace.traceId, trace.spanId, trace.parentId ?? "none", trace.asked].join(" "));
  const spanOf = (said: unknown): string => String(said).split("-")[2] ?? "";
  await expect
    .poll(traced)
    .toEqual([
      `${TRACE} ${spanOf(below)} ${SPAN} GET /decisions`,
      undefined,
      `${id} ${spanOf(begun["traceparent"])} none GET /decisions`,
    ]);
});

/** A stream whose head comes at once, its first event after half a second and two more each a second later. */
const slowToBegin: http.RequestListener = (request, answer) => {
  answer.writeHead(200, { "content-type": request.url === "/events" ? "text/event-stream" : "text/plain" });
  answer.flushHeaders();
  for (const at of [500, 1500, 2500])
    setTimeout(() => void (at === 2500 ? answer.end("data: x\n\n") : answer.write("data: x\n\n")), at);
};

test("of a stream the time to its first bytes counts, and none of its events waits for another", async () => {
  await using edge = await startEdge((replica) => stateWith(replica, { streams: true }), slowToBegin);
  for (const path of ["/events", "/other"]) {
    const answer = await fetch(`http://${edge.address}${path}`);
    const startedAt = performance.now();
    const at: number[] = [];
    for await (const _chunk of answer.body ?? []) at.push(performance.now() - startedAt);
    expect(at.length).toBeGreaterThanOrEqual(3);
  }
  const times = (): number[] =>
    edge
      .log()
      .split("\n")
      .flatMap((line) => parseAccess(line)?.modelMs ?? []);
  await expect.poll(times).toHaveLength(2);
  const [events = 0, other = 0] = times();
  expect(events).toBeGreaterThanOrEqual(490);
  expect(events).toBeLessThan(1500);
  // Of what is no stream of events the head counts, as ever.
  expect(other).toBeLessThan(490);
});

test("a client that closes its half after asking counts as one that leaves: it is told 400, and the log says so", async () => {
  await using edge = await startEdge(
    (replica) => stateWith(replica, {}),
    (_request, answer) => void setTimeout(() => answer.end("late"), 1500),
  );
  const socket = connect({ host: edge.address, port: 80, allowHalfOpen: true });
  socket.end("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /);
  await expect.poll(() => parseAccess(edge.log().trim())?.left).toBe(true);
});

test("a WebSocket speaks on while its release has lost the traffic, and through a reload", async () => {
  await using edge = await startEdge((replica) => stateWith(replica, {}), echo);
  const headers = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version": "13",
  };
  const request = http.request({ host: edge.address, path: "/", agent: false, headers }).end();
  const [, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, Socket];
  const heard = async (said: string): Promise<string> => {
    socket.write(said);
    const [bytes] = (await once(socket, "data")) as [Buffer];
    return String(bytes);
  };
  expect(await heard("before")).toBe("before");
  await edge.run(`${ADMIN}\nadmin "set server s_decisions/r1.1 state drain"`);
  expect(await heard("drained")).toBe("drained");
  expect(await edge.run(`${RELOAD}\n${HAND_ON}`)).toContain("Success=1");
  expect(await heard("reloaded")).toBe("reloaded");
  socket.destroy();
});
