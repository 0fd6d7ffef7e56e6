import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** Runs a command of dray's, and kills it as soon as it says that a step is done. */
async function killedAfter(vm: Vm, step: string, command: "deploy" | "rollback"): Promise<void> {
  const running = vm.drayRunning(command, "--json");
  running.onLine((line) => {
    if (line.includes('"type":"step.done"') && line.includes(`"step":"${step}"`)) running.kill("SIGKILL");
  });
  await running.ended;
}

test("dray killed before and after the switch: somebody serves, status says what happened, the next deploy does not wait", async () => {
  await using vm = await startVm();
  const write = (tag: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nenv: {POLITE: "1"}\nrollout: {bake: 3s, maxP95: 20x}\n`,
    );
  await write("1");
  expect((await vm.dray("deploy")).code).toBe(0);
  const load = startLoad(`http://${vm.address}/`, 100);
  for (const [step, served] of [
    ["start", "1"],
    ["switch", "2"],
  ] as const) {
    await write("2");
    await killedAfter(vm, step, "deploy");
    expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: served });
    expect((await vm.dray("status")).stdout).toMatch(/was interrupted while changing to \w+ .*dray deploy/);
    await write("1");
    const again = await vm.dray("deploy", "--wait");
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain("it is cleared away now");
    expect((await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).split("\n")).toHaveLength(1);
    expect((await vm.dray("status")).stdout).not.toContain("interrupted");
  }
  const followed = vm.drayRunning("logs", "--edge", "--follow");
  const follows = async (): Promise<boolean> => (await vm.inside("docker", "top", "dray-edge")).includes("access.log");
  await expect.poll(follows, { timeout: 10_000 }).toBe(true);
  followed.kill("SIGKILL");
  // Nothing that read the log for a dray goes on reading it when that has ended, of itself or not.
  await expect.poll(follows, { timeout: 10_000 }).toBe(false);
  // What had the traffic when dray was killed comes back after the engine's end, too.
  const met = await load.stop();
  expect(met.problems).toEqual([]);
  await vm.inside("pkill", "-KILL", "dockerd");
  const back = async (): Promise<unknown> => await (await fetch(`http://${vm.address}/`)).json();
  await expect.poll(back, { timeout: 20_000 }).toMatchObject({ version: "1" });
});

/** Kills a rollback after its switch and before its end; tries again where that came too early or too late. */
async function rollbackCutOff(vm: Vm): Promise<string> {
  const release = async (): Promise<string> =>
    (await fetch(`http://${vm.address}/`)).headers.get("x-dray-release") ?? "none";
  for (let tries = 0; tries < 10; tries++) {
    const before = await release();
    await killedAfter(vm, "switch", "rollback");
    const journals = await vm.inside("docker", "exec", "dray-edge", "bash", "-c", "echo /var/lib/dray/journal-*.json");
    const now = await release();
    if (now !== before && journals.includes("journal-decisions.json")) return now;
  }
  throw new Error("no rollback was ever cut off between its switch and its end");
}

test("a release that went down just after the switch is up again before the next one is compared with it", async () => {
  await using vm = await startVm();
  const write = (tag: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nenv: {POLITE: "1"}\nrollout: {canary: [50], every: 500ms, minimum: 10}\n`,
    );
  for (const tag of ["1", "2"]) {
    await write(tag);
    const ended = await vm.dray("deploy", "--wait");
    expect(ended.code, ended.stderr).toBe(0);
  }
  // An engine that is killed at this moment does not know that the replica is to stay.
  const release = await rollbackCutOff(vm);
  const replica = `dray-decisions-${release}-1`;
  await vm.inside("docker", "update", "--restart", "no", replica);
  await vm.inside("docker", "kill", replica);
  const started = (): Promise<string> => vm.inside("docker", "inspect", "-f", "{{.State.StartedAt}}", replica);
  const before = await started();
  await write("2");
  const ended = await vm.dray("deploy", "--wait");
  expect(ended.code, ended.stderr).toBe(0);
  expect(await started()).not.toBe(before);
  // Ten answers of the one that was down would have taken as many minutes.
  expect(ended.stderr).toMatch(/the old one (?!0 )\d+ answers|10 golden requests besides/);
});
