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

/** What a language server says at the end; a model's own words are no count. */
const usage = (asked: number, answered: number): string =>
  JSON.stringify({
    choices: [{ text: 'it said "usage":{"prompt_tokens":900,"completion_tokens":900} \\' }],
    usage: {
      prompt_tokens: asked,
      completion_tokens: answered,
      total_tokens: asked + answered,
      details: { cached: 1 },
    },
  });

/** `/json`; `/events?4` (four of them); `/told?4`, with the count at its end, which comes byte by byte; `/endless`. */
const speaks: http.RequestListener = (request, answer) => {
  const [path, events] = (request.url ?? "").split("?");
  if (path === "/json") return void answer.setHeader("content-type", "application/json").end(usage(5, 40));
  answer.writeHead(200, { "content-type": "text/event-stream" });
  const event = 'data: {"choices":[{"text":"a \\"choices\\" b"}]}\n\n';
  if (path === "/endless") return void answer.write(event.repeat(3));
  for (let sent = 0; sent < Number(events); sent++) answer.write(event);
  if (path === "/told") for (const byte of `data: ${usage(7, 9)}\n\n`) answer.write(byte);
  answer.end("data: [DONE]\n\n");
};

test("tokens are counted as the server says or by the events of a stream, also of a client that leaves; above the rate a caller waits", async () => {
  const tokens = { count: 100, perMs: 3_600_000 };
  await using edge = await startEdge((replica) => stateOf(serviceOf({ tokens }, replica)), speaks);
  const ask = async (path: string): Promise<Response> => await fetch(`http://${edge.address}${path}`);
  expect(await text((await ask("/told?4")).body as never)).toContain("[DONE]");
  await (await ask("/events?4")).text();
  const leaving = new AbortController();
  const stream = await fetch(`http://${edge.address}/endless`, { signal: leaving.signal });
  await stream.body?.getReader().read();
  leaving.abort();
  const counted = (): string[] =>
    edge
      .log()
      .split("\n")
      .flatMap((line) => parseAccess(line) ?? [])
      .map(({ status, tokens: told, left }) => `${status} ${told?.asked}+${told?.answered}${left ? " left" : ""}`);
  await expect.poll(counted).toEqual(["200 7+9", "200 0+4", "200 0+3 left"]);
  // 23 of the hundred are gone; with 45 more and 45 once again all are, and a bit more.
  for (const _each of [1, 2]) expect((await ask("/json")).status).toBe(200);
  const refused = await ask("/json");
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(300);
  expect(await refused.json()).toMatchObject({ title: "too many tokens for you", limit: "rate" });
});
