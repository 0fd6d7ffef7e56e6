import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm, type Vm } from "../world/vm.ts";

const POST = { body: '{"income": 1}', expect: '"score": 0.9' };

function manifest(vm: Vm, tag: string, env: Record<string, string>, rollout: string, more: string = ""): string {
  const all = JSON.stringify({ POLITE: "1", TAKES_MS: "5", ...env });
  return `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nenv: ${all}\nrollout: ${rollout}\n${more}`;
}

const HOOK = "alerts: {webhook: {env: HOOK}}\n";

async function version(vm: Vm): Promise<string> {
  return ((await (await fetch(`http://${vm.address}/`)).json()) as { version: string }).version;
}

interface Row {
  release: string;
  share: number;
  running: number;
}
interface Status {
  services: { current: string; releases: Row[] }[];
  unfinished: { running: boolean; text: string }[];
}

async function status(vm: Vm): Promise<Status | undefined> {
  return (JSON.parse((await vm.dray("status", "--json")).stdout) as Status[])[0];
}

/** Takes alerts, and keeps the last one. */
async function startHook(): Promise<AsyncDisposable & { url: string; last: () => string }> {
  let last = "";
  const server = http.createServer((request, answer) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.once("end", () => {
      last = body;
      answer.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`,
    last: () => last,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => server.close(resolve))),
  };
}

test("a canary: a release that fails 20 % of the time is taken back by itself, a good one goes through", async () => {
  await using vm = await startVm();
  await using hook = await startHook();
  const deploy = async (
    tag: string,
    env: Record<string, string>,
  ): Promise<{ code: number; stderr: string; stdout: string }> => {
    // Failures are what is judged here: after the switch nobody is beside the new release, whom a busy machine makes slow, too.
    const rollout = "{canary: [20, 60], every: 6s, minimum: 20, bake: 1s, maxP95: 20x}";
    await vm.write("dray.yaml", manifest(vm, tag, env, rollout, HOOK));
    return await vm.drayWith({ HOOK: hook.url }, "deploy");
  };
  expect((await deploy("1", {})).code).toBe(0);
  const load = startLoad(`http://${vm.address}/decisions`, 120, {}, POST);
  const bad = await deploy("2", { MODE: "flaky" });
  expect(bad.code, bad.stderr).toBe(7);
  expect(bad.stderr).toContain("[release.rolled-back]");
  expect(bad.stderr).toMatch(/had 20 % of the traffic of .*answers failed/);
  expect(bad.stdout + bad.stderr).not.toContain("secret-path");
  expect(JSON.parse(hook.last())).toMatchObject({
    event: "rolled-back",
    code: "release.rolled-back",
    service: "decisions",
  });
  expect(await version(vm)).toBe("1");
  const after = await status(vm);
  expect(after?.unfinished).toEqual([]);
  expect(after?.services[0]?.releases).toMatchObject([{ share: 100, running: 1 }]);
  const good = await deploy("2", {});
  expect(good.code, good.stderr).toBe(0);
  expect(good.stderr).toMatch(/20 % of the traffic.*\d+ answers, 0 failed/);
  expect(await version(vm)).toBe("2");
  const met = await load.stop();
  // Only the bad release's share of the first step, and only until it was seen.
  const [first = ""] = [...met.bad.keys()];
  expect(met.bad.size).toBe(1);
  expect(met.failed).toBe(met.bad.get(first));
  expect(met.failed).toBeLessThan(20);
});

test("where nobody calls, golden requests judge; what was judged by somebody who was killed gets no more traffic", async () => {
  await using vm = await startVm();
  await vm.write(
    "golden.json",
    JSON.stringify([{ request: { path: "/decisions", body: {} }, expect: { body: { score: 0.9 } } }]),
  );
  const write = (tag: string, env: Record<string, string>, rollout: string): Promise<void> =>
    vm.write("dray.yaml", manifest(vm, tag, env, rollout));
  await write("1", {}, "{}");
  expect((await vm.dray("deploy")).code).toBe(0);
  // Far from what a busy machine's hiccups look like: with twenty answers two of those are the old release's p95.
  await write("2", { MODE: "sluggish", TAKES_MS: "150" }, "{canary: [50], every: 500ms, minimum: 20}");
  const slow = await vm.dray("deploy");
  expect(slow.stderr).toMatch(/\[release\.rolled-back\].* p95 is/);

  await write("2", {}, "{canary: [50], every: 10m}");
  const running = vm.drayRunning("deploy", "--json");
  await new Promise<void>((resolve) => running.onLine((line) => line.includes('"type":"trial"') && resolve()));
  const trial = await status(vm);
  expect(trial?.unfinished).toMatchObject([{ running: true }]);
  expect(trial?.services[0]?.releases.map((each) => each.share)).toEqual([50, 50]);
  running.kill("SIGKILL");
  await running.ended;
  // The lease ends after 30 s.
  const until = performance.now() + 45_000;
  let left = await status(vm);
  while (left?.services[0]?.releases[1]?.share !== 0 && performance.now() < until) left = await status(vm);
  expect(left?.services[0]?.releases.map((each) => each.share)).toEqual([100, 0]);
  expect(left?.unfinished).toMatchObject([{ running: false, text: expect.stringContaining("was interrupted") }]);
  for (let count = 0; count < 20; count++) expect(await version(vm)).toBe("1");
  const back = await vm.dray("rollback", "--wait");
  expect(back.code, back.stderr).toBe(0);
  const cleared = await status(vm);
  expect(cleared?.services[0]?.releases).toMatchObject([{ share: 100, running: 1 }]);
  expect(cleared?.unfinished).toEqual([]);
});

test("golden answers are recorded from the live release, and taken over where that is asked for", async () => {
  await using vm = await startVm();
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /health\n`);
  expect((await vm.dray("deploy")).code).toBe(0);
  expect((await vm.dray("golden", "record")).stderr).toContain("--path");
  const recorded = await vm.dray("golden", "record", "--path", "/decisions", "-d", '{"income": 2}');
  expect(recorded.code, recorded.stderr).toBe(0);
  expect(recorded.stdout).toContain('"score":0.9');
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("2")}\nready: /health\n`);
  const refused = await vm.dray("deploy");
  expect(refused.stderr).toContain('body.version is "2" instead of "1"');
  expect(refused.stderr).toContain("--accept-golden");
  const accepted = await vm.dray("deploy", "--accept-golden");
  expect(accepted.code, accepted.stderr).toBe(0);
  expect(accepted.stderr).toContain('accepted: POST /decisions: body.version is "2" instead of "1"');
  const again = await vm.dray("deploy");
  expect(again.code, again.stderr).toBe(0);
});

test("two that do not fit together: refused, or the old one ends first and comes back when the new one fails", async () => {
  await using vm = await startVm();
  const write = (tag: string, memory: string, order: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nenv: {POLITE: "1"}\nlimits: {memory: ${memory}, ready: 2s}\nrollout: {order: ${order}}\n`,
    );
  await write("1", "100MiB", "start-first");
  expect((await vm.dray("deploy")).code).toBe(0);
  await write("2", "4000GiB", "start-first");
  const refused = await vm.dray("deploy");
  expect(refused.stderr).toContain("[machine.no-room]");
  expect(refused.code).toBe(5);
  await write("never-ready", "100MiB", "stop-first");
  expect((await vm.dray("plan")).stdout).toContain("nobody serves until the switch");
  const failed = await vm.dray("deploy");
  expect(failed.stderr).toContain("[release.not-ready]");
  expect(await version(vm)).toBe("1");
  await write("2", "100MiB", "stop-first");
  const done = await vm.dray("deploy");
  expect(done.code, done.stderr).toBe(0);
  expect(await version(vm)).toBe("2");
});
