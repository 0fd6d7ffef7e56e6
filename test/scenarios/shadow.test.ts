import type { ShadowReport } from "drayage-keeper";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm, type Vm } from "../world/vm.ts";

const POST = { body: '{"income": 1}', expect: '"score": 0.9' };

async function write(vm: Vm, env: Record<string, string>, rollout: string = "{}"): Promise<void> {
  const all = JSON.stringify({ POLITE: "1", ...env });
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: ${all}\nrollout: ${rollout}\n`,
  );
}

async function report(vm: Vm): Promise<{ running: boolean; report: ShadowReport }> {
  const ended = await vm.dray("shadow", "report", "--json");
  expect(ended.code, ended.stderr).toBe(0);
  const [found] = JSON.parse(ended.stdout) as { running: boolean; report: ShadowReport }[];
  if (found === undefined) throw new Error("no report");
  return found;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("a shadow is asked what clients ask, its answers are compared and seen by nobody", async () => {
  await using vm = await startVm();
  await write(vm, {});
  const first = await vm.dray("deploy", "-y");
  expect(first.code, first.stderr).toBe(0);
  expect((await vm.dray("shadow", "report")).stderr).toContain("[shadow.none]");

  const load = startLoad(`http://${vm.address}/decisions`, 60, { "content-type": "application/json" }, POST);
  await write(vm, { MODE: "wrong-golden" });
  const started = await vm.dray("shadow", "start", "--share", "50");
  expect(started.code, started.stderr).toBe(0);
  await expect.poll(async () => (await report(vm)).report.compared, { timeout: 20_000 }).toBeGreaterThan(30);
  const { running, report: wrong } = await report(vm);
  expect(running).toBe(true);
  expect(wrong).toMatchObject({ agreement: 0, share: 50 });
  // What may not wait is thrown away: where the machine is busy some copies are, and never most of them.
  expect(wrong.dropped).toBeLessThan(wrong.compared / 2);
  expect(wrong.differences).toMatchObject([{ at: "score", example: { live: "0.9", shadow: "0.1" } }]);
  expect(wrong.differences[0]?.meanBy).toBeCloseTo(0.8);
  expect((await vm.dray("shadow", "report")).stdout).toMatch(/live +\d+ +0 [\s\S]*score +\d+ +0\.8/);
  const stopped = await vm.dray("shadow", "stop");
  expect(stopped.code, stopped.stderr).toBe(0);
  expect(await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).toMatch(/^\w+$/);

  // One that never answers: nobody who calls notices, and what it cannot take is thrown away.
  await write(vm, { MODE: "slow" });
  expect((await vm.dray("shadow", "start", "--share", "100")).code).toBe(0);
  await expect.poll(async () => (await report(vm)).report.dropped, { timeout: 20_000 }).toBeGreaterThan(20);
  // The next deploy ends it: there, a shadow is a stage before the traffic.
  await write(vm, { MODE: "wrong-golden" }, "{shadow: {share: 50, for: 3s}}");
  const refused = await vm.dray("deploy", "-y");
  expect(refused.code, refused.stderr).toBe(7);
  expect(refused.stderr).toMatch(/100 % of its answers differ[\s\S]*score: \d+ times, as 0\.9 became 0\.1/);
  await write(vm, {}, "{shadow: {share: 50, for: 3s}}");
  const good = await vm.dray("deploy", "-y");
  expect(good.code, good.stderr).toBe(0);
  expect(good.stderr).toMatch(/copies of 50 % of the requests to \w+ \(.*100 % agree/);
  expect((await report(vm)).running).toBe(false);
  await wait(500);
  const { sent, failed, problems } = await load.stop();
  expect(problems).toEqual([]);
  expect(failed).toBe(0);
  expect(sent).toBeGreaterThan(500);
});
