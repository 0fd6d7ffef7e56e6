// Prometheus' own judgement of what our processes write for it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Prometheus } from "../../packages/keeper/src/numbers/prometheus.ts";
import { must } from "../../test/world/images.ts";

const CACHE = process.env["DRAY_CACHE"] ?? path.join(import.meta.dirname, "../../.dray");

/** Each fault that `promtool check metrics` finds, a line each. */
export async function faultsOf(metrics: string): Promise<string[]> {
  const child = spawn(await promtool(), ["check", "metrics"], { stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.end(metrics);
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit") as Promise<[number]>]);
  const faults = said.split("\n").filter((line) => line !== "");
  return code === 0 || faults.length > 0 ? faults : [`promtool ended with ${code}`];
}

/** What the keeper writes, with a series of each kind in it. */
export async function keepersMetrics(): Promise<string> {
  const prometheus = new Prometheus();
  // It counts a service from the first time that somebody asks for it.
  await prometheus.text("loans");
  const asked = {
    service: "loans",
    release: "r1",
    queueMs: 1,
    modelMs: 2,
    totalMs: 3,
    left: false,
    caller: "partners",
  };
  for (const status of [200, 500]) prometheus.add({ ...asked, server: "s_loans/r1.1", status });
  return await prometheus.text("loans");
}

/** Debian's own, unpacked and not installed; kept for the next time. */
async function promtool(): Promise<string> {
  const folder = path.join(CACHE, "promtool");
  const program = path.join(folder, "usr/bin/promtool");
  if (existsSync(program)) return program;
  await mkdir(CACHE, { recursive: true });
  const unfinished = await mkdtemp(`${folder}.`);
  try {
    await must(["sh", "-c", 'cd "$1" && apt-get download -qq prometheus', "sh", unfinished]);
    const [file = ""] = await readdir(unfinished);
    await must(["dpkg", "-x", path.join(unfinished, file), unfinished]);
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return program;
}
