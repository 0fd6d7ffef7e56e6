import { once } from "node:events";
import http from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Front } from "../../packages/dray/src/core/release.ts";
import { ADMIN, RELOAD } from "../../packages/dray/src/edge/script.ts";
import { endTunnels, HAND_ON } from "../../packages/dray/src/edge/workers.ts";
import { type BareEdge, checkConfig, keyOf, serviceOf, startEdge, stateOf } from "../world/edge.ts";

const KEY = "a-partner-key-of-a-good-length";
const OPEN = ["/", "/docs", "/docs/*", "/health"];
const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

async function ask(edge: BareEdge, path: string, options: http.RequestOptions = {}, body?: string): Promise<Answer> {
  const request = http.request({ host: edge.address, path, agent: false, ...options });
  request.on("upgrade", (answer, socket) => {
    socket.destroy();
    request.emit("response", Object.assign(answer, { statusCode: 101 }));
  });
  request.end(body);
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  const said = answer.statusCode === 101 ? "" : await text(answer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: said };
}

/** Sends these bytes, and resolves to all that comes back until the connection is closed. */
async function raw(edge: BareEdge, bytes: Buffer | string): Promise<string> {
  const socket = connect({ host: edge.address, port: 80 });
  socket.write(bytes);
  return await text(socket);
}

/** Says what it was asked; and is slow, or ends the connection, where the path says so. */
const echo: http.RequestListener = (request, answer) => {
  if (request.url?.startsWith("/slow") === true) return void setTimeout(() => answer.end(), 6000);
  if (request.url?.startsWith("/gone") === true) return void request.socket.destroy();
  if (request.url?.startsWith("/long") === true) answer.setHeader("x", "a".repeat(20_000));
  answer.end(JSON.stringify({ url: request.url, method: request.method, headers: request.headers }));
};

async function open(front: Front, closed: boolean, api: http.RequestListener = echo): Promise<BareEdge> {
  return await startEdge((replica) => {
    const keys = closed ? { keys: { partners: keyOf(KEY) }, closed } : {};
    return stateOf(serviceOf(front, replica, keys));
  }, api);
}

test("HAProxy takes the configuration of every kind of service, and warns of nothing", async () => {
  const replica = { address: "10.0.0.1", port: 80 };
  const front: Front = {
    open: [...OPEN, "/*"],
    openPosts: ["/hook", "/hooks/*"],
    rate: { count: 5, perMs: 1000 },
    body: 1000,
    queue: 3,
    timeouts: { "/batch/*": 600_000 },
    once: ["/agent/*"],
    hsts: true,
  };
  const named = (service: string, more: object = {}): ReturnType<typeof serviceOf> => ({
    ...serviceOf(front, replica, more),
    service,
  });
  const state = stateOf(
    serviceOf({}, replica),
    named("closed", { prefix: "/closed", keys: { partners: keyOf(KEY), metrics: keyOf("other") }, closed: true }),
    named("empty", {
      domain: "api.example.com",
      keys: {},
      closed: true,
      shadow: { release: "r2", share: 5, containers: [] },
    }),
  );
  const all = [
    stateOf(),
    stateOf(serviceOf({}, replica)),
    state,
    { ...state, keeper: { address: "10.0.0.2", certificates: {}, shadows: {} } },
  ];
  for (const each of all) expect(await checkConfig(each)).not.toMatch(/WARNING|ALERT/);
});

test("an open path is open to be read: not to be posted to, not for a WebSocket, and not by another name", async () => {
  await using edge = await open({ open: OPEN, openPosts: ["/hook"] }, true);
  for (const path of ["/", "/docs", "/docs/x", "/health"]) {
    expect([path, (await ask(edge, path)).status]).toEqual([path, 200]);
    expect([path, (await ask(edge, path, { method: "POST" }, "{}")).status]).toEqual([path, 401]);
    const upgrade = {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-version": "13",
    };
    expect([path, (await ask(edge, path, { headers: upgrade })).status]).toEqual([path, 401]);
    expect([path, (await ask(edge, path, { headers: { ...upgrade, ...bearer(KEY) } })).status]).toEqual([path, 101]);
  }
  expect((await ask(edge, "/hook", { method: "POST" }, "{}")).status).toBe(200);
  for (const path of ["/hook", "/docs-admin", "/docs/%2e%2e/x", "/docs/%252e%252e/x", "/docs//x", "/decisions"])
    expect([path, (await ask(edge, path)).status]).toEqual([path, 401]);
  const overridden = await ask(edge, "/", { headers: { "x-http-method-override": "POST", x_http_method: "POST" } });
  expect(overridden.body).not.toContain("method-override");
  expect(overridden.body).not.toContain("x_http_method");
});

test("a release's own numbers are public in no spelling, unless the manifest opens them", async () => {
  await using edge = await open({}, false);
  const spellings = [
    "/metrics",
    "/%6detrics",
    "/%6Detrics",
    "/%256detrics",
    "/metrics/",
    "//metrics",
    "/./metrics",
    "/x/../metrics",
  ];
  const more = [
    "/METRICS",
    "/metrics;v=1",
    "/metrics/x",
    "/.dray/metrics",
    "/%2edray/metrics",
    "/\\metrics",
    "/x/..;/metrics",
    "/metrics?x",
    "/%2fmetrics",
  ];
  for (const path of [...spellings, ...more]) expect([path, (await ask(edge, path)).status]).toEqual([path, 404]);
  for (const path of ["/metricsx", "/docs/metrics", "/metrics-of-mine", "/?metrics"])
    expect([path, (await ask(edge, path)).status]).toEqual([path, 200]);
  await using opened = await open({ open: ["/metrics"] }, true);
  expect((await ask(opened, "/metrics")).status).toBe(200);
});

test("what a client says of itself, its host and the path in headers that frameworks believe reaches no release", async () => {
  await using edge = await open({}, false);
  const said = {
    forwarded: "for=evil",
    "x-forwarded-for": "evil",
    "x-forwarded-host": "evil",
    "x-forwarded-port": "evil",
    "x-forwarded-prefix": "evil",
    x_forwarded_prefix: "evil",
    "x-forwarded-proto": "evil",
    "x-forwarded-server": "evil",
    "x-real-ip": "evil",
    "x-client-ip": "evil",
    "x-original-url": "/evil",
    "x-rewrite-url": "/evil",
    "x-original-host": "evil",
  };
  const told = JSON.parse((await ask(edge, "/echo", { headers: said })).body) as { headers: Record<string, string> };
  expect(JSON.stringify(told)).not.toContain("evil");
  expect(told.headers).toMatchObject({
    "x-forwarded-host": edge.address,
    "x-forwarded-port": "80",
    "x-forwarded-proto": "http",
  });
  expect(told.headers["x-real-ip"]).toBe(told.headers["x-forwarded-for"]);
  // Nor does what stands before the path, which a caller may write as it likes.
  const whole = await raw(edge, `GET http://a:99999/echo HTTP/1.1\r\nhost: a:99999\r\nconnection: close\r\n\r\n`);
  expect(whole).toContain('"url":"/echo"');
});

test("the access log has no query: a key in one is not kept", async () => {
  await using edge = await open({}, false);
  const path = "/decisions?api_key=planted%22&name=planted";
  expect((await ask(edge, path)).body).toContain("planted");
  await raw(edge, `GET http://a${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  await expect.poll(() => edge.log().match(/"GET \/decisions HTTP\/1.1"/g)).toHaveLength(2);
  expect(edge.log()).not.toContain("planted");
});

test("who guesses keys is told to wait, and not whether the last one was right; callers from there go on", async () => {
  await using edge = await open({ open: OPEN }, true);
  const guess = async (key: string): Promise<number> =>
    (await ask(edge, "/decisions", { headers: bearer(key) })).status;
  const other = "another-key-that-is-as-good-as-it";
  const statuses: number[] = [];
  for (let index = 0; index < 30; index++) statuses.push(await guess(`wrong-${index}`));
  expect(new Set(statuses.slice(0, 20))).toEqual(new Set([401]));
  expect(statuses.at(-1)).toBe(429);
  const late = await ask(edge, "/decisions", { headers: bearer(KEY) });
  expect([late.status, late.headers["retry-after"]]).toEqual([429, "60"]);
  // What needs no key is not held back, and an Authorization there is nobody's guess.
  expect((await ask(edge, "/docs", { headers: bearer(other) })).status).toBe(200);
  expect((await ask(edge, "/decisions")).status).toBe(401);
  await using busy = await open({ open: OPEN }, true);
  expect((await ask(busy, "/decisions", { headers: bearer(KEY) })).status).toBe(200);
  for (let index = 0; index < 30; index++) await ask(busy, "/decisions", { headers: bearer(`wrong-${index}`) });
  expect((await ask(busy, "/decisions", { headers: bearer("wrong") })).status).toBe(429);
  expect((await ask(busy, "/decisions", { headers: bearer(KEY) })).status).toBe(200);
});

test("a request that ends its replica is sent again once when it may change something", async () => {
  const asked: Record<string, number> = {};
  await using edge = await open({}, false, (request, answer) => {
    const what = `${request.method} ${request.url}`;
    asked[what] = (asked[what] ?? 0) + 1;
    if (request.url === "/") return void answer.end();
    request.socket.destroy();
  });
  expect((await ask(edge, "/gone", { method: "POST" }, "{}")).status).toBe(502);
  expect((await ask(edge, "/gone")).status).toBe(502);
  expect(asked).toMatchObject({ "POST /gone": 2, "GET /gone": 4 });
});

test("every answer of the edge's own is JSON that says what was wrong, which limit it was, and the request's id", async () => {
  await using edge = await open({ rate: { count: 40, perMs: 60_000 }, body: 100 }, false);
  const post = { method: "POST" };
  const failures: [number, string | undefined, Answer][] = [
    [404, undefined, await ask(edge, "/metrics")],
    [405, undefined, await ask(edge, "/", { method: "TRACE" })],
    [413, "limits.body", await ask(edge, "/", post, "x".repeat(101))],
    [431, undefined, await ask(edge, "/", { headers: { x: "a".repeat(34_000) } })],
    [
      431,
      undefined,
      await ask(edge, "/", {
        headers: Object.fromEntries(Array.from({ length: 210 }, (_, index) => [`x-${index}`, "a"])),
      }),
    ],
    [502, undefined, await ask(edge, "/gone", post, "{}")],
    [504, "limits.timeout", await ask(edge, "/slow")],
  ];
  for (let index = 0; index < 60; index++) await ask(edge, "/");
  failures.push([429, "rate", await ask(edge, "/")]);
  for (const [status, limit, { headers, body, ...got }] of failures) {
    expect([got.status, headers["content-type"]]).toEqual([status, "application/problem+json"]);
    const id = headers["x-request-id"];
    expect(JSON.parse(body)).toMatchObject({ status, title: expect.stringMatching(/\w+ \w+/), requestId: id });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect((JSON.parse(body) as { limit?: string }).limit).toBe(limit);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    await expect.poll(() => edge.log()).toMatch(new RegExp(` ${status} .* ${String(id)} `));
  }
  await using down = await startEdge(() => stateOf(serviceOf({}, { address: "127.0.0.1", port: 9 })), echo);
  await expect.poll(() => ask(down, "/").then(({ status }) => status, String)).toBe(503);
  expect(JSON.parse((await ask(down, "/")).body)).toMatchObject({ status: 503 });
  await using nobody = await startEdge(
    (replica) => stateOf(serviceOf({}, replica, { domain: "api.example.com" })),
    echo,
  );
  await expect.poll(() => ask(nobody, "/").then(({ status }) => status, String)).toBe(404);
  expect(JSON.parse((await ask(nobody, "/")).body)).toMatchObject({ status: 404 });
});

test("what cannot be read as HTTP is answered in JSON, too, and is in the log", async () => {
  await using edge = await open({}, false);
  const unread: [number, string | Buffer][] = [
    [400, "GET / HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n"],
    [400, Buffer.from("GET /café HTTP/1.1\r\nhost: a\r\n\r\n")],
    [
      400,
      `GET / HTTP/1.1\r\nhost: a\r\n${Array.from({ length: 400 }, (_, index) => `x-${index}: a\r\n`).join("")}\r\n`,
    ],
    [431, `GET / HTTP/1.1\r\nhost: a\r\nx: ${"a".repeat(60_000)}\r\n\r\n`],
  ];
  for (const [status, bytes] of unread) {
    const said = await raw(edge, bytes);
    const [head = "", body = ""] = said.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain("x-request-id: unread");
    expect(JSON.parse(body)).toMatchObject({ status, requestId: "unread" });
  }
  const rows = (): number =>
    edge
      .log()
      .split("\n")
      .filter((line) => line.includes(" unread ")).length;
  await expect.poll(rows).toBe(unread.length);
});

test("as many headers and bytes of headers as the common servers take go through, both ways", async () => {
  await using edge = await open({}, false);
  const many = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`x-a${index}`, "a"]));
  expect((await ask(edge, "/", { headers: many })).status).toBe(200);
  await using large = await startEdge(
    (replica) => stateOf(serviceOf({}, replica)),
    // Node's own limit is 16 kB.
    (request, answer) => void answer.writeHead(200, { x: "a".repeat(20_000) }).end(request.url),
  );
  await expect.poll(() => raw(large, "GET / HTTP/1.0\r\n\r\n").then((said) => said.slice(9, 12), String)).toBe("200");
  await sleep(10);
  expect((await raw(large, "GET / HTTP/1.0\r\n\r\n")).length).toBeGreaterThan(20_000);
});

test("a HAProxy that a reload left hands on what it is still asked; tunnels of who is shut out end in every one", async () => {
  const other = "another-key-that-is-as-good-as-it";
  const both = { keys: { partners: keyOf(KEY), auditors: keyOf(other) }, closed: true };
  const seen: { address?: string; port?: number } = {};
  await using edge = await startEdge((replica) => {
    Object.assign(seen, replica);
    return stateOf(serviceOf({}, replica, both));
  }, echo);
  const get = (key: string): http.RequestOptions => ({ headers: bearer(key) });
  await expect.poll(() => ask(edge, "/", get(KEY)).then(({ status }) => status, String)).toBe(200);
  const idle = Array.from({ length: 40 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  const all = async (): Promise<number[]> =>
    await Promise.all(
      idle.map(async (agent, index) => (await ask(edge, "/", { ...get(index < 20 ? KEY : other), agent })).status),
    );
  expect(new Set(await all())).toEqual(new Set([200]));
  const upgrade = {
    connection: "upgrade",
    upgrade: "websocket",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version": "13",
  };
  const tunnel = async (path: string): Promise<Socket> => {
    const request = http
      .request({ host: edge.address, path, agent: false, headers: { ...upgrade, ...bearer(other) } })
      .end();
    const [, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, Socket];
    return socket.on("error", () => undefined).resume();
  };
  const tunnels = [await tunnel("/")];
  const replica = { address: seen.address ?? "", port: seen.port ?? 0 };
  await edge.write(
    stateOf(
      serviceOf({}, replica, { keys: { partners: keyOf(KEY), auditors: keyOf(other) }, closed: true, prefix: "/new" }),
    ),
  );
  expect(await edge.run(`${RELOAD}\n${HAND_ON}`)).toContain("Success=1");
  tunnels.push(await tunnel("/new"));
  // What the newest says of that path, and whose the request is, on each connection of before.
  for (const [index, agent] of idle.entries())
    expect((await ask(edge, "/", { ...get(index < 20 ? KEY : other), agent })).status).toBe(404);
  // HAProxy answers first and writes its line afterwards.
  const asked = (): number => edge.log().match(/ 404 .*"GET \/ HTTP\/1\.1"/g)?.length ?? 0;
  await expect.poll(asked).toBe(40);
  expect(tunnels.map((each) => each.destroyed)).toEqual(tunnels.map(() => false));
  await edge.run(`${ADMIN}\n${endTunnels("decisions")}`);
  await expect.poll(() => tunnels.every((each) => each.destroyed)).toBe(true);
  for (const agent of idle) agent.destroy();
});
