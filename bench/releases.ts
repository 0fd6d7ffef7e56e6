// Ten bad releases and ten good ones under load: what users saw of each, and whether it was taken back by itself.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { appImage, prepareImages } from "../test/world/images.ts";
import { startLoad } from "../test/world/load.ts";
import { startVm, type Vm } from "../test/world/vm.ts";

interface Case {
  name: string;
  image: string;
  env?: Record<string, string>;
  /** The golden requests see it: no user may. */
  proof: boolean;
  /** Nothing is wrong with how it answers: it stays, and must harm nobody when it goes. */
  stays?: boolean;
  rollout?: string;
  limits?: string;
}

const PER_SECOND = 100;
const TAKES_MS = "20";
const ROLLOUT = "{canary: [10, 50], every: 4s, bake: 4s}";

const broken = (MODE: string, more: Record<string, string> = {}): Record<string, string> => ({ MODE, ...more });
const BAD: Case[] = [
  { name: "wrong golden answer", image: "2", env: broken("wrong-golden"), proof: true },
  { name: "20 % errors", image: "2", env: broken("flaky"), proof: false },
  { name: "p95 x3", image: "2", env: broken("sluggish"), proof: false },
  { name: "memory leak", image: "2", env: broken("leak"), proof: false, limits: "memory: 200MiB" },
  {
    name: "crash after 30 s",
    image: "2",
    env: broken("crash-later", { CRASH_AFTER_S: "30" }),
    proof: false,
    rollout: "{canary: [10, 50], every: 4s, bake: 40s}",
  },
  { name: "never ready", image: "never-ready", proof: true },
  { name: "listens on localhost", image: "localhost", proof: true },
  { name: "OOM at warm-up", image: "2", env: broken("eat-later"), proof: true, limits: "memory: 200MiB" },
  { name: "hangs on SIGTERM", image: "2", proof: true, stays: true },
  { name: "200 with an error body", image: "2", env: broken("error-body"), proof: true },
];

const POST = { body: '{"income": 1}', expect: '"score": 0.9' };
const GOLDEN = JSON.stringify([
  { request: { path: "/decisions", body: { income: 1 } }, expect: { body: { decision: "approve", score: 0.9 } } },
]);

type Figures = Record<string, number | Record<string, number> | string[]>;

/** `rounds` of the ten good ones, and with one round every third of the bad ones: a smoke; failed shares of all of a release's time under load. */
export async function benchReleases(rounds: number, say: (line: string) => void): Promise<Figures> {
  await prepareImages();
  await using vm = await startVm();
  await using hook = await startHook();
  await vm.write("golden.json", GOLDEN);
  const deploy = async (each: Case): Promise<{ code: number; stderr: string }> => {
    await vm.write("dray.yaml", manifest(vm, each));
    return await vm.drayWith({ HOOK: hook.url }, "deploy", "--wait");
  };
  const first = await deploy({ name: "first", image: "1", proof: true });
  if (first.code !== 0) throw new Error(first.stderr);
  const figures = { rolledBack: 0, bad: 0, alerts: 0, falseAlarms: 0, good: 0, failedByProof: 0, failed: 0 };
  const shares: Record<string, number> = {};
  const problems: string[] = [];
  for (const each of BAD.filter((_bad, index) => rounds > 1 || index % 3 === 0)) {
    const load = startLoad(`http://${vm.address}/decisions`, PER_SECOND, {}, POST);
    const startedAt = performance.now();
    const alerts = hook.count();
    const ended = await deploy(each);
    const met = await load.stop();
    const back = await servingVersion(vm);
    figures.bad++;
    const right = each.stays === true ? ended.code === 0 : ended.code !== 0 && back === "1";
    if (right) figures.rolledBack++;
    else problems.push(`${each.name}: exit ${ended.code}, ${back} serves\n${ended.stderr.slice(-1500)}`);
    if (ended.code === 7) figures.alerts += hook.count() - alerts;
    figures.failed += met.failed;
    if (each.proof) figures.failedByProof += met.failed;
    shares[each.name] = Math.round((met.failed / met.sent) * 1e5) / 1e5;
    const why = /\[([\w.-]+)\] (.*)/.exec(ended.stderr);
    const took = Math.round((performance.now() - startedAt) / 100) / 10;
    say(
      `${each.name}: ${met.failed} of ${met.sent} failed in ${took} s; exit ${ended.code} ${why?.[0] ?? ""}${met.problems[0] === undefined ? "" : ` (${met.problems[0]})`}`,
    );
    if (each.stays === true) {
      const again = startLoad(`http://${vm.address}/decisions`, PER_SECOND, {}, POST);
      await deploy({ name: "back", image: "1", proof: true });
      figures.failedByProof += (await again.stop()).failed;
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let count = 0; count < 2; count++) {
      const load = startLoad(`http://${vm.address}/decisions`, PER_SECOND, {}, POST);
      const ended = await deploy({ name: "good", image: String(2 - (count % 2)), proof: true });
      const met = await load.stop();
      figures.good++;
      if (ended.code !== 0) figures.falseAlarms++;
      if (ended.code !== 0 || met.failed > 0)
        problems.push(
          `good: exit ${ended.code}, ${met.failed} failed: ${met.problems[0]}\n${ended.stderr.slice(-1500)}`,
        );
      figures.failed += met.failed;
      say(`good release ${figures.good}: exit ${ended.code}, ${met.failed} of ${met.sent} failed`);
    }
  }
  return { ...figures, failedShare: shares, problems };
}

function manifest(vm: Vm, { image, env, rollout, limits }: Case): string {
  return [
    "service: decisions",
    `machine: ${vm.host}`,
    `image: ${appImage(image)}`,
    "ready: /health",
    `limits: {ready: 5s${limits === undefined ? "" : `, ${limits}`}}`,
    `env: ${JSON.stringify({ TAKES_MS, ...env })}`,
    `rollout: ${rollout ?? ROLLOUT}`,
    "alerts: {webhook: {env: HOOK}}",
    "",
  ].join("\n");
}

async function servingVersion(vm: Vm): Promise<string> {
  const answer = await fetch(`http://${vm.address}/`);
  return ((await answer.json()) as { version: string }).version;
}

/** Takes alerts. */
async function startHook(): Promise<AsyncDisposable & { url: string; count(): number }> {
  let count = 0;
  const server = http.createServer((request, answer) => {
    request.resume().once("end", () => {
      count++;
      answer.end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    count: () => count,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
