import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { expect, test } from "vitest";
import { run } from "../../packages/dray/src/base/process.ts";
import { OWNER_VARIABLE } from "../world/owner.ts";
import { seedVolumes } from "../world/seed.ts";
import { sweep } from "../world/sweep.ts";

const VM = fileURLToPath(new URL("../world/vm.ts", import.meta.url));

/** What a run of its own has made. */
interface Made {
  host: string;
  folder: string;
  sleeper: number;
}

/** A run that starts a stand-in and a process, and then waits for ever. */
async function startRun(): Promise<{ run: ChildProcess; made: Made }> {
  const script = `
    const { startVm } = await import(${JSON.stringify(VM)});
    const { spawn } = await import("node:child_process");
    const vm = await startVm();
    const sleeper = spawn("sleep", ["600"], { stdio: "ignore" });
    process.stdout.write(JSON.stringify({ host: vm.host, folder: vm.folder, sleeper: sleeper.pid }));
    setInterval(() => {}, 1000);`;
  const { [OWNER_VARIABLE]: _ours, ...env } = process.env;
  const argv = ["--import", "tsx", "--input-type=module", "--eval", script];
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { run: child, made: JSON.parse(said.toString()) as Made };
}

/** What is there of it. */
async function left({ host, folder, sleeper }: Made): Promise<string[]> {
  const there = async (kind: string): Promise<boolean> =>
    (await within(60_000, undefined, (signal) => run(["docker", kind, "inspect", host], { signal }))).code === 0;
  const kinds = ["container", "network", "volume"];
  const found = await Promise.all(kinds.map(there));
  return [
    ...kinds.filter((_kind, index) => found[index]),
    ...(existsSync(folder) ? ["folder"] : []),
    ...(existsSync(`/proc/${sleeper}`) ? ["process"] : []),
  ];
}

const EVERYTHING = ["container", "network", "volume", "folder", "process"];

async function cleanUp(): Promise<void> {
  const seeds = await seedVolumes();
  await sweep((volume) => seeds.has(volume));
}

test("what a killed run left is removed by the next one, and what a running one has made stays", async () => {
  const [killed, running] = await Promise.all([startRun(), startRun()]);
  try {
    await cleanUp();
    expect(await left(killed.made)).toEqual(EVERYTHING);
    killed.run.kill("SIGKILL");
    await once(killed.run, "exit");
    await cleanUp();
    // What was ended is still there for a moment.
    await expect.poll(() => left(killed.made)).toEqual([]);
    expect(await left(running.made)).toEqual(EVERYTHING);
  } finally {
    for (const each of [killed, running]) each.run.kill("SIGKILL");
    await once(running.run, "exit");
    await cleanUp();
  }
  await expect.poll(() => left(running.made)).toEqual([]);
});
