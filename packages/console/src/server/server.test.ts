import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import net from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { attack, GOOD, KINDS, sendRaw, statusIn } from "../../../../test/world/hostile-console.ts";
import { drayOn, Paper, paperScope } from "../../../../test/contract/paper.ts";
import { asFailure } from "../../../dray/src/base/failure.ts";
import type { Manifest } from "../../../dray/src/manifest/schema.ts";
import type { Desk } from "./desk.ts";
import { openConsole, type RunningConsole } from "./server.ts";

// The real server, in this process, over a target in memory.

/** Rules of the page's first words, and their hash as `openssl dgst -sha256 -binary | base64` says it. */
const RULES = "body{margin:0}";
const HASH = "sha256-IAdwN3biDCQ3brrgp1m8kBEsPQYyqfREKOEfeoREopc=";

let page: string;
let journal: string;
beforeAll(async () => {
  page = await mkdtemp(path.join(tmpdir(), "dray-page-"));
  journal = path.join(page, "runs");
  await mkdir(path.join(page, "assets"));
  await writeFile(path.join(page, "index.html"), `<!doctype html><title>Drayage</title><style>${RULES}</style>`);
  await writeFile(path.join(page, "assets", "index.js"), "export {};");
});
afterAll(async () => await rm(page, { recursive: true }));

interface Stage {
  paper: Paper;
  desk: Desk<Manifest>;
  /** How many calls were let as far as the verbs. */
  opened: number;
}

function stageOf(mayChange: boolean = false, places: readonly string[] = ["a"]): Stage {
  const paper = new Paper();
  const { manifest } = paperScope(places);
  const stage: Stage = {
    paper,
    opened: 0,
    desk: {
      version: "1.0.0",
      mayChange,
      services: [
        {
          service: "decisions",
          file: "dray.yaml",
          target: "paper",
          manifest,
          places: places.map((name) => ({ name, at: name })),
        },
      ],
      open: (session) => {
        stage.opened++;
        return drayOn(paper, { ...session, journal });
      },
      told: (error) => {
        const { code, message, hint, details } = asFailure(error);
        return { code, message, hint, details };
      },
    },
  };
  return stage;
}

async function open(stage: Stage, idleMs: number = 60_000): Promise<RunningConsole> {
  return await openConsole({ desk: stage.desk, page, idleMs, signal: new AbortController().signal, patienceMs: 300 });
}

const tokenOf = ({ url }: RunningConsole): string => url.split("#")[1] ?? "";

/** Asks as the page does; resolves to the lines of the answer. */
async function ask(console_: RunningConsole, name: string, body: object): Promise<Record<string, unknown>[]> {
  const origin = `http://127.0.0.1:${console_.port}`;
  const answer = await fetch(`${origin}/api/${name}`, {
    method: "POST",
    headers: { origin, authorization: `Bearer ${tokenOf(console_)}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const WARY = 100;

test(`more than ${WARY} kinds of hostile requests come in nowhere, and what is right does`, async () => {
  const stage = stageOf();
  await using running = await open(stage);
  const target = { port: running.port, token: tokenOf(running), asset: "/assets/index.js" };
  expect(Object.keys(KINDS).length).toBeGreaterThan(WARY);
  const found = await attack(target, KINDS);
  expect(found.through).toEqual([]);
  expect(found.otherwise).toEqual([]);
  // A call of a wrong shape gets as far as the desk, and no further.
  expect(stage.paper.told).toEqual([]);
  const before = stage.opened;
  const good = await attack(target, GOOD);
  expect(good.otherwise).toEqual([]);
  expect(stage.opened - before).toBe(3);
}, 30_000);

test("every answer has the headers that keep other pages out, refusals included, and none sets a cookie", async () => {
  await using running = await open(stageOf());
  const host = `host: 127.0.0.1:${running.port}`;
  for (const request of [`GET / HTTP/1.1\r\n${host}\r\n\r\n`, "GET / HTTP/1.1\r\nhost: evil.test\r\n\r\n"]) {
    const answer = await sendRaw(running.port, request);
    const own = request.startsWith("GET / ") && request.includes(host) ? ` '${HASH}'` : "";
    expect(answer).toContain(
      `content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'${own}; connect-src`,
    );
    expect(answer).toContain("require-trusted-types-for 'script'; trusted-types 'none'");
    expect(answer).toContain("frame-ancestors 'none'");
    expect(answer).toContain("cross-origin-resource-policy: same-origin");
    expect(answer).toContain("cache-control: no-store");
    expect(answer).not.toMatch(/set-cookie|access-control/i);
  }
});

test("it listens on loopback alone", async () => {
  await using running = await open(stageOf());
  const others = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4");
  for (const { address } of others) {
    const reached = await new Promise<boolean>((resolve) => {
      const socket = net.connect(running.port, address);
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    expect(reached, address).toBe(false);
  }
  await using second = await open(stageOf());
  expect(second.port).not.toBe(running.port);
  expect(tokenOf(second)).not.toBe(tokenOf(running));
  expect(Buffer.from(tokenOf(running), "base64url").length).toBe(32);
});

test("one console's token opens no other", async () => {
  await using first = await open(stageOf());
  await using second = await open(stageOf());
  await expect(ask({ ...second, url: first.url }, "hello", {})).resolves.toMatchObject([
    { failed: { code: "door.token" } },
  ]);
});

test("a place that fails is told beside the others, each as its answer comes", async () => {
  const stage = stageOf(false, ["a", "b"]);
  await using running = await open(stage);
  stage.paper.target.status = async ({ place }) => {
    if (place.name === "b") throw new Error("the cable is cut");
    return await Promise.resolve({ data: { machine: place.name, current: "api:1" }, text: [] });
  };
  const lines = await ask(running, "status", { service: 0 });
  expect(lines).toHaveLength(2);
  expect(lines).toContainEqual(
    expect.objectContaining({
      place: "a",
      found: expect.objectContaining({ data: { machine: "a", current: "api:1" } }) as unknown,
    }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({ place: "b", failed: expect.objectContaining({ code: "bug" }) as unknown }),
  );
});

test("what a target cannot do is answered in the target's own sentence", async () => {
  await using running = await open(stageOf());
  const [line] = await ask(running, "metrics", { service: 0, sinceS: 60 });
  expect(line).toMatchObject({ place: "a", failed: { code: "target.unsupported" } });
  expect(JSON.stringify(line)).toContain("nobody counts");
});

test("a rollback is planned by whoever looks, and done only where changes are allowed", async () => {
  for (const mayChange of [false, true]) {
    const stage = stageOf(mayChange);
    const dray = drayOn(stage.paper);
    await dray.deploy(paperScope());
    const next = paperScope();
    await dray.deploy({ manifest: { ...next.manifest, image: "api:2" } });
    await using running = await open(stage);
    const planned = await ask(running, "rollback/plan", { service: 0 });
    expect(JSON.stringify(planned.at(-1))).toContain('"release":"api:1"');
    expect(stage.paper.at("a").current).toBe("api:2");
    const lines = await ask(running, "rollback", { service: 0, to: "api:1" });
    if (mayChange)
      expect(lines.some(({ news }) => (news as { type?: string } | undefined)?.type === "step.done")).toBe(true);
    else expect(lines).toMatchObject([{ failed: { code: "call.read-only" } }]);
    expect(stage.paper.at("a").current).toBe(mayChange ? "api:1" : "api:2");
  }
});

test("a request is tried where clients call, or on one release; a header that is not typed is refused", async () => {
  const stage = stageOf();
  Object.assign(stage.paper.at("a"), { current: "api:1", running: new Set(["api:1", "api:2"]) });
  await using running = await open(stage);
  const request = { service: 0, method: "POST", path: "/score", body: '{"amount": 3}' };
  const [live] = await ask(running, "try/send", request);
  expect(live).toMatchObject({ found: { status: 200, release: "api:1", body: '{"amount":3}' } });
  const [other] = await ask(running, "try/send", { ...request, release: "api:2" });
  expect(other).toMatchObject({ found: { release: "api:2" } });
  expect(stage.paper.asked).toEqual(["POST /score at api:1", "POST /score at api:2"]);
  const [gone] = await ask(running, "try/send", { ...request, release: "api:9" });
  expect(gone).toMatchObject({ failed: { code: "release.unknown" } });
  for (const headers of [
    { host: "evil.test" },
    { "Transfer-Encoding": "chunked" },
    { "x y": "1" },
    { x: "a\r\nb: c" },
  ]) {
    const [refused] = await ask(running, "try/send", { ...request, headers });
    expect(refused, JSON.stringify(headers)).toMatchObject({ failed: { code: "call.bad" } });
  }
  const [rooted] = await ask(running, "try/send", { ...request, path: "//evil.test/\r\nx: y" });
  expect(rooted).toMatchObject({ failed: { code: "call.bad" } });
  expect(stage.paper.asked).toHaveLength(2);
});

test("a test alert is sent only where changes are allowed", async () => {
  await using reading = await open(stageOf());
  expect(await ask(reading, "alerts/test", { service: 0 })).toMatchObject([{ failed: { code: "call.read-only" } }]);
  await using changing = await open(stageOf(true));
  expect(await ask(changing, "alerts/test", { service: 0 })).toMatchObject([
    { failed: { code: "target.unsupported" } },
  ]);
});

test("a key is shown once, to whoever made it", async () => {
  const stage = stageOf(true);
  await using running = await open(stage);
  const added = await ask(running, "keys/add", { service: 0, name: "partner" });
  const key = String((added.at(-1)?.["found"] as { key: string } | undefined)?.key);
  expect(key.length).toBeGreaterThan(20);
  const listed = JSON.stringify(await ask(running, "keys", { service: 0 }));
  expect(listed).toContain("partner");
  expect(listed).not.toContain(key);
});

test("lines of a log are followed until the page has gone, and then nothing is asked any more", async () => {
  const stage = stageOf();
  let followed: AbortSignal | undefined;
  stage.paper.target.logs = async (_subject, { follow }, onLine, { signal }) => {
    followed = signal;
    onLine("api", "<img src=x onerror=alert(1)>");
    if (follow) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  await using running = await open(stage);
  const origin = `http://127.0.0.1:${running.port}`;
  const leave = new AbortController();
  const answer = await fetch(`${origin}/api/logs`, {
    method: "POST",
    signal: leave.signal,
    headers: { origin, authorization: `Bearer ${tokenOf(running)}`, "content-type": "application/json" },
    body: JSON.stringify({ service: 0, follow: true, edge: false, tail: 10 }),
  });
  const first = await answer.body?.getReader().read();
  const said = new TextDecoder().decode(first?.value as Uint8Array);
  expect(JSON.parse(said)).toEqual({ line: { machine: "a", from: "api", line: "<img src=x onerror=alert(1)>" } });
  expect(followed?.aborted).toBe(false);
  leave.abort();
  await expect.poll(() => followed?.aborted).toBe(true);
});

test("what was done from this computer is listed, and told from its beginning to its end", async () => {
  const stage = stageOf(true);
  const dray = drayOn(stage.paper, { journal });
  await dray.deploy(paperScope());
  await dray.deploy({ manifest: { ...paperScope().manifest, service: "another" } });
  await using running = await open(stage);
  const [listed] = await ask(running, "runs", { service: 0 });
  const [run, ...others] = (listed?.["found"] ?? []) as { id: string; verb: string; service: string }[];
  expect(run).toMatchObject({ verb: "deploy", service: "decisions", state: "done" });
  expect(others.filter(({ service }) => service === "another")).toEqual([]);
  const told = await ask(running, "run", { id: run?.id });
  const types = told.map(({ news }) => (news as { type: string } | undefined)?.type);
  expect(types.slice(0, 2)).toEqual(["run.started", "planned"]);
  expect(types.slice(-2)).toEqual(["run.ended", undefined]);
  expect(told.at(-1)).toMatchObject({ found: { id: run?.id, state: "done" } });
  expect(await ask(running, "run", { id: "19990101-000000-aaaa" })).toMatchObject([
    { failed: { code: "runs.unknown" } },
  ]);
});

test("it ends itself when no page is open, and not while one is", async () => {
  const running = await open(stageOf(), 150);
  const origin = `http://127.0.0.1:${running.port}`;
  const leave = new AbortController();
  const pulse = await fetch(`${origin}/api/pulse`, {
    method: "POST",
    signal: leave.signal,
    headers: { origin, authorization: `Bearer ${tokenOf(running)}`, "content-type": "application/json" },
    body: "{}",
  });
  expect(pulse.status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(statusIn(await sendRaw(running.port, `GET / HTTP/1.1\r\nhost: 127.0.0.1:${running.port}\r\n\r\n`))).toBe(200);
  leave.abort();
  expect(await running.ended).toBe("idle");
});

test("it ends with its signal, and a page that is open is told so by the end of its stream", async () => {
  const stop = new AbortController();
  const running = await openConsole({ desk: stageOf().desk, page, idleMs: 60_000, signal: stop.signal });
  stop.abort();
  expect(await running.ended).toBe("stopped");
  await running[Symbol.asyncDispose]();
});

test("it is not opened without its page", async () => {
  const empty = await mkdtemp(path.join(tmpdir(), "dray-no-page-"));
  const opening = { desk: stageOf().desk, page: empty, idleMs: 1000, signal: new AbortController().signal };
  await expect(openConsole(opening)).rejects.toThrow("npm run build");
  await rm(empty, { recursive: true });
});
