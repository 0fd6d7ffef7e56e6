import http from "node:http";
import type { AddressInfo } from "node:net";
import { appImage } from "./images.ts";
import { startLoad } from "./load.ts";
import type { Vm } from "./vm.ts";

/** A release, and what is right for it. */
export interface Case {
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

/** With how many requests a second. */
const PER_SECOND = 100;
const TAKES_MS = "20";
const ROLLOUT = "{canary: [10, 50], every: 4s, bake: 4s}";

const broken = (MODE: string, more: Record<string, string> = {}): Record<string, string> => ({ MODE, ...more });
/** What can be wrong with a release, and does not show before it is there. */
export const BAD: readonly Case[] = [
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

/** Nothing is wrong with these. */
export const GOOD: readonly Case[] = ["2", "1"].map((image) => ({ name: "good", image, proof: true }));

/** What came of a release under load. */
export interface Met {
  /** Exit code of the deploy. */
  code: number;
  /** The failure in one line, if it is one. */
  why: string;
  sent: number;
  failed: number;
  seconds: number;
  alerts: number;
  /** A bad one was refused or taken back, a good one stayed. */
  right: boolean;
  /** What is not as it should be. */
  problems: string[];
}

/** A service whose first release is good, and that gets others under load. */
export interface Releases extends AsyncDisposable {
  meet(release: Case): Promise<Met>;
}

/** Deploys the good release that everything is taken back to. */
export async function openReleases(vm: Vm): Promise<Releases> {
  const hook = await startHook();
  await vm.write("golden.json", GOLDEN);
  const deploy = async (release: Case): Promise<{ code: number; stderr: string }> => {
    await vm.write("dray.yaml", manifest(vm, release));
    return await vm.drayWith({ HOOK: hook.url }, "deploy", "--wait");
  };
  const first = await deploy({ name: "first", image: "1", proof: true });
  if (first.code !== 0) throw new Error(first.stderr);
  return {
    meet: async (release) => {
      const load = startLoad(`http://${vm.address}/decisions`, PER_SECOND, {}, POST);
      const startedAt = performance.now();
      const before = hook.count();
      const ended = await deploy(release);
      const serves = await servingVersion(vm);
      // One that was let in must harm nobody when it goes, either.
      if (release.stays === true) await deploy({ name: "back", image: "1", proof: true });
      const { sent, failed, problems: seen } = await load.stop();
      const good = release.stays === true || release.name === "good";
      const right = good ? ended.code === 0 : ended.code !== 0 && serves === "1";
      return {
        code: ended.code,
        why: /\[([\w.-]+)\] (.*)/.exec(ended.stderr)?.[0] ?? "",
        sent,
        failed,
        seconds: Math.round((performance.now() - startedAt) / 100) / 10,
        alerts: hook.count() - before,
        right,
        problems: [
          ...(right ? [] : [`exit ${ended.code}, ${serves} serves\n${ended.stderr.slice(-1500)}`]),
          ...(release.proof && failed > 0 ? [`${failed} requests failed: ${seen[0]}`] : []),
        ].map((problem) => `${release.name}: ${problem}`),
      };
    },
    [Symbol.asyncDispose]: async () => await hook[Symbol.asyncDispose](),
  };
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
