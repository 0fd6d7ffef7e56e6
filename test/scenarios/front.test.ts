import http from "node:http";
import type { Socket } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-partner-key-of-a-good-length";

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

async function ask(
  vm: Vm,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
  method: string = body === undefined ? "GET" : "POST",
  agent: http.Agent | false = false,
): Promise<Answer> {
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const request = http.request({ host: vm.address, path, method, agent, headers: { ...headers, ...length } });
  request.end(body);
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
}

async function deploy(vm: Vm, lines: string, env: Record<string, string> = {}): Promise<void> {
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: ${JSON.stringify({ POLITE: "1", ...env })}\n${lines}`,
  );
  const ended = await vm.drayWith({ PARTNER_KEY: KEY }, "deploy", "-y");
  expect(ended.code, ended.stderr).toBe(0);
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

test("callers show a key; keys come and go without a reload, and only hashes are on the machine", async () => {
  await using vm = await startVm();
  await deploy(vm, "keys: {partners: {env: PARTNER_KEY}}\n");
  const refused = await ask(vm, "/decisions", {}, "{}");
  expect([refused.status, refused.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  expect(refused.headers["content-type"]).toBe("application/problem+json");
  expect((await ask(vm, "/decisions", bearer("wrong"), "{}")).status).toBe(401);
  // What a client says of itself is not believed.
  expect((await ask(vm, "/decisions", { "x-dray-key": "partners" }, "{}")).status).toBe(401);
  for (const path of ["/", "/docs", "/openapi.json"]) expect((await ask(vm, path)).status, path).toBe(200);
  for (const headers of [bearer(KEY), { "x-api-key": KEY }])
    expect((await ask(vm, "/decisions", headers, "{}")).status).toBe(200);
  // The release learns who called, and never sees the key.
  const told = JSON.parse((await ask(vm, "/echo", bearer(KEY), "{}")).body) as { headers: Record<string, string> };
  expect(told.headers["x-dray-key"]).toBe("partners");
  expect(told.headers["authorization"]).toBeUndefined();
  const own = await ask(vm, "/echo", { "x-api-key": KEY, authorization: "Bearer the-release's" }, "{}");
  const heard = (JSON.parse(own.body) as { headers: Record<string, string> }).headers;
  expect(heard).toMatchObject({ "x-dray-key": "partners", authorization: "Bearer the-release's" });
  expect(heard["x-api-key"]).toBeUndefined();
  expect((await vm.drayWith({ PARTNER_KEY: KEY }, "request", "-d", "{}", "-p", "/decisions")).code).toBe(0);
  // How it felt to each of them.
  await expect
    .poll(async () => {
      const [found] = JSON.parse((await vm.dray("metrics", "--json")).stdout) as {
        callers: { caller: string; p99Ms: number }[];
      }[];
      return found?.callers.map(({ caller, p99Ms }) => [caller, p99Ms >= 0]);
    })
    .toEqual([["partners", true]]);

  const reloads = await vm.inside("docker", "exec", "dray-edge", "cat", "/proc/1/task/1/children");
  const added = await vm.dray("keys", "add", "auditors");
  expect(added.code, added.stderr).toBe(0);
  const fresh = added.stdout.trim();
  expect((await ask(vm, "/decisions", bearer(fresh), "{}")).status).toBe(200);
  expect((await vm.dray("keys", "add", "auditors")).stderr).toContain("[keys.taken]");
  expect((await vm.dray("keys", "ls")).stdout).toMatch(/partners +manifest[\s\S]*auditors +command/);
  expect((await vm.drayWith({ PARTNER_KEY: KEY }, "deploy", "-y")).code).toBe(0);
  expect((await ask(vm, "/decisions", bearer(fresh), "{}")).status).toBe(200);
  expect((await vm.dray("keys", "revoke", "auditors")).code).toBe(0);
  expect((await ask(vm, "/decisions", bearer(fresh), "{}")).status).toBe(401);
  expect((await ask(vm, "/decisions", bearer(KEY), "{}")).status).toBe(200);
  expect(await vm.inside("docker", "exec", "dray-edge", "cat", "/proc/1/task/1/children")).toBe(reloads);
  // An edge that starts again knows them, too.
  await vm.inside("docker", "restart", "-t", "1", "dray-edge");
  await expect.poll(() => ask(vm, "/decisions", bearer(KEY), "{}").then(({ status }) => status, String)).toBe(200);
  expect((await ask(vm, "/decisions", bearer(fresh), "{}")).status).toBe(401);
  const files = await vm.inside("sh", "-c", "grep -rl -e a-partner-key /var/lib/docker 2>/dev/null || true");
  expect(files).toBe("");
  expect((await vm.dray("logs", "--edge", "-n", "200")).stdout).toMatch(
    /"POST \/decisions HTTP\/1.1" [0-9a-f-]{36} partners/,
  );
});

test("a service whose last key is revoked is closed to everybody; only `keys: off` opens it, and the plan says so", async () => {
  await using vm = await startVm();
  // In a list a variable names its caller.
  await deploy(vm, "keys: [PARTNER_KEY]\n");
  expect((await ask(vm, "/decisions", bearer(KEY), "{}")).status).toBe(200);
  const revoked = await vm.dray("keys", "revoke", "PARTNER_KEY");
  expect([revoked.code, revoked.stderr]).toEqual([0, expect.stringContaining("nobody has a key")]);
  for (const headers of [{}, bearer(KEY)]) expect((await ask(vm, "/decisions", headers, "{}")).status).toBe(401);
  expect((await vm.dray("keys", "ls")).stdout).toContain("closed to everybody");
  // Also in an edge that starts again, and after a deploy that says nothing of keys.
  await vm.inside("docker", "restart", "-t", "1", "dray-edge");
  await expect.poll(() => ask(vm, "/decisions", {}, "{}").then(({ status }) => status, String)).toBe(401);
  await deploy(vm, "");
  expect((await ask(vm, "/decisions", {}, "{}")).status).toBe(401);
  await deploy(vm, "keys: {}\n");
  expect((await ask(vm, "/decisions", {}, "{}")).status).toBe(401);
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nkeys: off\n`,
  );
  expect((await vm.dray("plan")).stdout).toContain("callers nobody: no key is left -> anybody");
  await deploy(vm, "keys: off\n");
  expect((await ask(vm, "/decisions", {}, "{}")).status).toBe(200);
});

test("on a connection that many use, each request is let in by its own key, and a revoked one ends within it", async () => {
  await using vm = await startVm();
  await deploy(vm, "keys: {partners: {env: PARTNER_KEY}}\n");
  const fresh = (await vm.dray("keys", "add", "auditors")).stdout.trim();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports: unknown[] = [];
  agent.on("free", (socket: Socket) => void ports.push(socket.localPort));
  const caller = async (headers: Record<string, string>): Promise<string | number> => {
    const { status, body } = await ask(vm, "/echo", headers, "{}", "POST", agent);
    return status === 200 ? ((JSON.parse(body) as Answer).headers["x-dray-key"] as string) : status;
  };
  const basic = { authorization: `Basic ${Buffer.from(`x:${KEY}`).toString("base64")}` };
  const shown: [Record<string, string>, string | number][] = [
    [{}, 401],
    [bearer(KEY), "partners"],
    [bearer(KEY), "partners"],
    [{}, 401],
    [basic, 401],
    [bearer(""), 401],
    [bearer(`${KEY}x`), 401],
    [{}, 401],
    [bearer(KEY), "partners"],
    [bearer(KEY.slice(0, -1)), 401],
    [bearer(fresh), "auditors"],
    [bearer(KEY), "partners"],
    [{ "x-api-key": fresh }, "auditors"],
    [{ ...bearer("wrong"), "x-api-key": KEY }, "partners"],
    [{}, 401],
    [bearer(fresh), "auditors"],
  ];
  for (const [headers, whom] of shown) expect([headers, await caller(headers)]).toEqual([headers, whom]);
  expect((await vm.dray("keys", "revoke", "auditors")).code).toBe(0);
  expect(await caller(bearer(fresh))).toBe(401);
  expect(await caller(bearer(KEY))).toBe("partners");
  // It was one connection all along.
  expect([ports.length, new Set(ports).size]).toEqual([shown.length + 2, 1]);
  agent.destroy();
});

test("limits hold: rate, body, a bounded queue; every answer has an id that the release knows, too", async () => {
  await using vm = await startVm();
  await deploy(vm, "rate: 20/s\nlimits: {body: 1KiB, concurrency: 2, queue: 4}\ntimeouts: {/slow: 1s}\n", {
    TAKES_MS: "50",
  });
  const large = await ask(vm, "/decisions", {}, `"${"x".repeat(2000)}"`);
  expect([large.status, JSON.parse(large.body)]).toEqual([
    413,
    {
      status: 413,
      title: "a body of at most 1024 bytes",
      limit: "limits.body",
      requestId: large.headers["x-request-id"],
    },
  ]);
  const one = await ask(vm, "/echo", { "x-request-id": "mine" }, "{}");
  const told = (JSON.parse(one.body) as { headers: Record<string, string> }).headers;
  expect(one.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(told["x-request-id"]).toBe(one.headers["x-request-id"]);
  expect(one.headers["x-dray-release"]).toMatch(/^\w{8}$/);
  expect((await vm.dray("logs", "--edge")).stdout).toContain(String(one.headers["x-request-id"]));

  // Forty at once: two are served, four wait, and the rate lets no more than twenty come that far.
  const burstAt = performance.now();
  const burst = await Promise.all(Array.from({ length: 40 }, () => ask(vm, "/decisions", {}, "{}")));
  const burstMs = performance.now() - burstAt;
  const by = (status: number): Answer[] => burst.filter((answer) => answer.status === status);
  expect(by(200).length + by(429).length).toBe(40);
  expect(by(200).length).toBeGreaterThanOrEqual(6);
  // A busy computer may be longer over them than the second that the twenty are for.
  expect(by(200).length).toBeLessThanOrEqual(20 + (20 * burstMs) / 1000);
  for (const answer of by(429)) {
    expect(answer.headers["retry-after"]).toBe("1");
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  }
  const why = new Set(by(429).map((answer) => (JSON.parse(answer.body) as { title: string }).title));
  expect([...why].toSorted()).toEqual(["busy: every replica has its hands full", "too many requests from you"]);
  await sleep(1500);
  expect((await ask(vm, "/decisions", {}, "{}")).status).toBe(200);
  const startedAt = performance.now();
  const late = await ask(vm, "/slow?s=6");
  expect(late.status).toBe(504);
  // Before the model would have answered.
  expect(performance.now() - startedAt).toBeLessThan(6000);
});

test("a body that does not say its length cannot go past the limit", async () => {
  await using vm = await startVm();
  const chunked = async (bytes: number, piece: number = bytes): Promise<number> => {
    const headers = { "transfer-encoding": "chunked", "content-type": "application/json" };
    const request = http.request({ host: vm.address, path: "/decisions", method: "POST", agent: false, headers });
    // Refused in the middle of it: the answer counts, not what could not be sent any more.
    request.on("error", () => undefined);
    for (let sent = 0; sent < bytes; sent += piece) request.write("x".repeat(Math.min(piece, bytes - sent)));
    request.end();
    const [answer] = (await once(request, "response")) as [http.IncomingMessage];
    answer.resume();
    return answer.statusCode ?? 0;
  };
  await deploy(vm, "limits: {body: 1KiB}\n");
  expect([await chunked(500), await chunked(500, 100), await chunked(2000), await chunked(2000, 100)]).toEqual([
    200, 200, 413, 413,
  ]);
  expect(await chunked(3_000_000)).toBe(413);
  await deploy(vm, "limits: {body: 1MiB}\n");
  expect([await chunked(8000), await chunked(200_000, 1000), await chunked(3_000_000)]).toEqual([200, 411, 413]);
  // (One chunk says its own length.) Saying its length, it may be as large as the limit; and without a body nothing is waited for.
  expect((await ask(vm, "/decisions", {}, `"${"x".repeat(900_000)}"`)).status).toBe(200);
  expect((await ask(vm, "/")).status).toBe(200);
  await deploy(vm, "");
  expect(await chunked(200_000, 1000)).toBe(200);
});

test("a large request meets no connection that the model's server is just closing, and is no secret when it fails", async () => {
  await using vm = await startVm();
  const agent = new http.Agent({ keepAlive: true });
  const [keepAliveMs, callers] = [1000, 48];
  // More than the edge can hold to send it again.
  const large = `"${"x".repeat(100_000)}"`;
  const burst = async (): Promise<unknown[]> =>
    await Promise.all(
      Array.from({ length: callers }, async () => {
        await sleep(Math.random() * 10);
        return await ask(vm, "/echo", {}, large, "POST", agent).then(({ status }) => status, String);
      }),
    );
  const all: unknown[] = [];
  // The first release's server is in the edge's configuration, the second one's comes at run time.
  for (const name of ["first", "second"]) {
    await deploy(vm, "", { KEEP_ALIVE_S: String(keepAliveMs / 1000), NAME: name });
    for (let round = 0; round < 5; round++) {
      all.push(...(await burst()));
      await sleep(keepAliveMs - 5);
    }
  }
  expect(all.filter((status) => status !== 200)).toEqual([]);
  expect(all).toHaveLength(10 * callers);

  // A model that dies over a request: the caller is told, the log and the numbers know, and it is not asked again.
  const replica = await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica");
  await vm.inside("docker", "exec", replica.trim(), "sh", "-c", "echo drop > /tmp/mode");
  // (There is a connection that was used before, on both sides of the edge.)
  expect((await ask(vm, "/echo", {}, "{}", "POST", agent)).status).toBe(200);
  const failed = await ask(vm, "/decisions", {}, large, "POST", agent);
  expect(failed.status).toBe(502);
  expect((await vm.inside("docker", "logs", replica.trim())).match(/DROPPED/g)).toHaveLength(1);
  expect((await vm.dray("logs", "--edge", "--status", "502")).stdout).toContain(String(failed.headers["x-request-id"]));
  await expect
    .poll(async () => {
      const [found] = JSON.parse((await vm.dray("metrics", "--json")).stdout) as { all: { errors: number } }[];
      return found?.all.errors;
    })
    .toBe(1);
  agent.destroy();
});

test("what has effects reaches the API at most once when its replica dies over it; other requests are sent again once", async () => {
  await using vm = await startVm();
  const agent = new http.Agent({ keepAlive: true });
  await deploy(vm, "replicas: 2\nonce: [/decisions, /agent/*]\n", { KEEP_ALIVE_S: "60" });
  const replicas = (await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).trim().split("\n");
  expect(replicas).toHaveLength(2);
  for (const each of replicas) await vm.inside("docker", "exec", each, "sh", "-c", "echo drop > /tmp/mode");
  const asked = async (): Promise<number> => {
    const logs = await Promise.all(replicas.map(async (each) => await vm.inside("docker", "logs", each)));
    return logs.join("\n").split("DROPPED").length - 1;
  };
  for (const [index, path] of ["/decisions", "/agent/pay"].entries()) {
    // Connections that were used just before, on both sides of the edge: a failure on one of those is what HAProxy hides.
    await Promise.all(Array.from({ length: 8 }, async () => await ask(vm, "/echo", {}, "{}", "POST", agent)));
    const failed = await ask(vm, path, {}, "{}", "POST", agent);
    expect(failed.status).toBe(502);
    expect(await asked()).toBe(index + 1);
    const logged = await vm.dray("logs", "--edge", "--status", "502");
    expect(logged.stdout).toContain(String(failed.headers["x-request-id"]));
  }
  expect((await ask(vm, "/agents", {}, "{}", "POST", agent)).status).toBe(502);
  expect(await asked()).toBe(2 + 2);
  agent.destroy();
});
