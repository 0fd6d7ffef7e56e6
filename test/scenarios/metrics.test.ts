import { expect, test } from "vitest";
import { percentile } from "../../packages/dray/src/core/judge.ts";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm, type Vm } from "../world/vm.ts";

interface Metrics {
  all: { requests: number; errors: number; p50Ms: number; p99Ms: number; modelP95Ms: number };
  releases: { release: string; requests: number }[];
  callers: { caller: string; requests: number }[];
  containers: { container: string; memory: number; restarts: number }[];
}

async function metrics(vm: Vm): Promise<Metrics> {
  const ended = await vm.dray("metrics", "--since", "10m", "--json");
  expect(ended.code, ended.stderr).toBe(0);
  const [found] = JSON.parse(ended.stdout) as Metrics[];
  if (found === undefined) throw new Error("no metrics");
  return found;
}

const POST = { body: '{"income": 1}', expect: '"score"' };
/** What is on its way to a keeper that ends; HAProxy sends it again to nobody. */
const LOST = 10;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("every request is counted and logged, by release, status and caller, whoever is restarted meanwhile", async () => {
  await using vm = await startVm();
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: {POLITE: "1", TAKES_MS: "20"}\n`,
  );
  const first = await vm.dray("deploy", "-y");
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain("start the keeper");
  const before = (await metrics(vm)).all.requests;

  const load = startLoad(`http://${vm.address}/decisions`, 100, {}, POST);
  await wait(2000);
  // The edge's ring keeps what nobody takes for a while.
  await vm.inside("docker", "restart", "-t", "10", "dray-keeper");
  await wait(2000);
  const second = await vm.dray("deploy", "-y");
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).not.toContain("keeper");
  await wait(1000);
  const { sent, failed, times } = await load.stop();
  expect(failed).toBe(0);
  await wait(1500);
  const found = await metrics(vm);
  const proofs = 5;
  expect(found.all.requests - before).toBeGreaterThanOrEqual(sent - LOST);
  expect(found.all.requests - before).toBeLessThanOrEqual(sent + proofs);
  expect(found.all.errors).toBe(0);
  expect(found.all.p50Ms).toBeGreaterThan(15);
  // No more than callers waited themselves, and what a step of the histogram adds to that.
  expect(found.all.p50Ms).toBeLessThan(percentile(times, 0.5) * 1.3 + 5);
  expect(found.all.modelP95Ms).toBeGreaterThan(15);
  expect(found.releases.filter((each) => each.requests > 50)).toHaveLength(2);
  expect(found.containers.every((each) => each.memory > 1e6 && each.restarts === 0)).toBe(true);
  expect((await vm.dray("metrics")).stdout).toMatch(/RELEASE +REQUESTS +PER S[\s\S]*all +\d+/);

  // Every line is in the log, in whole; but for what was on its way to a keeper that ended.
  const logged = await vm.dray("logs", "--edge", "-n", "all", "--grep", "POST /decisions");
  const lines = logged.stdout.trim().split("\n").length;
  expect(lines).toBeGreaterThanOrEqual(sent - LOST);
  expect(lines).toBeLessThanOrEqual(sent);
  expect((await vm.dray("logs", "--status", "5xx")).stdout).toBe("");
  await fetch(`http://${vm.address}/metrics`);
  expect((await vm.dray("logs", "--status", "404")).stdout).toContain('"GET /metrics HTTP/1.1"');
  const line = (await vm.dray("logs", "--edge", "-n", "1")).stdout;
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(line)?.[0] ?? "";
  expect((await vm.dray("logs", "--id", id)).stdout.trim().split("\n")).toHaveLength(1);

  // A Prometheus shows a key of its own, which opens and closes nothing else.
  const scrape = async (key: string): Promise<Response> =>
    await fetch(`http://${vm.address}/.dray/metrics`, {
      headers: { authorization: `Bearer ${key}`, connection: "close" },
    });
  expect((await scrape("none")).status).toBe(404);
  const key = (await vm.dray("keys", "add", "metrics")).stdout.trim();
  // It counts from the first scrape on.
  expect((await scrape(key)).status).toBe(200);
  await fetch(`http://${vm.address}/`);
  await expect
    .poll(async () => await (await scrape(key)).text(), { timeout: 5000 })
    .toMatch(/dray_requests_total\{service="decisions",release="\w+",status="200"\} \d+/);
  expect(await (await scrape(key)).text()).toContain('dray_model_duration_seconds_bucket{le="');
  expect((await scrape("none")).status).toBe(404);
  expect((await fetch(`http://${vm.address}/`)).status).toBe(200);
});
