// A mid-size network, where the model is the cost: batched against one by one, at full load and at half of it.
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { mlp } from "../test/world/mlp.ts";
import { worldFolder } from "../test/world/owner.ts";
import { median } from "./median.ts";
import { untilReady, load, SERVER, startPinned, steady } from "./serve-tools.ts";

/** 2 x (64 x 1536 + 1536 x 1536 x 2 + 1536 x 2) = 9.6 MFLOP a row. */
const LAYERS = [64, 1536, 1536, 1536, 2];

/** Batching on one core; then two cores as two processes or as two threads of one run (the load is on one of them, too). */
const WAYS = [
  { name: "unbatched", port: 9108, cores: "0", flags: { batch: 1 } },
  { name: "batched", port: 9107, cores: "0", flags: {} },
  { name: "workers", port: 9109, cores: "0,1", flags: { workers: 2 } },
  { name: "threads", port: 9110, cores: "0,1", flags: { threads: 2 } },
];

/** Medians of `rounds`; requests a second, and milliseconds at half of what the unbatched server can do. */
export async function benchMlp(
  rounds: number,
  say: (line: string) => void,
  seconds: number,
): Promise<Record<string, number | Record<string, number>>> {
  const folder = await worldFolder("dray-mlp-");
  try {
    await writeFile(path.join(folder, "model.onnx"), mlp(LAYERS));
    const features = Array.from({ length: LAYERS[0] ?? 0 }, (_, index): [string, number] => [
      `x_${index}`,
      (index % 7) / 7,
    ]);
    const row = JSON.stringify(Object.fromEntries(features));
    const series: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round++) {
      for (const { name, port, cores, flags } of WAYS) {
        const stop = startPinned(argv(folder, port, flags), cores);
        try {
          await untilReady(port, 30_000);
          await load(port, row, 32, 1);
          const full = await load(port, row, 32, seconds);
          (series[`${name}Rps`] ??= []).push(full.rps);
          if (name !== "batched" && name !== "unbatched") {
            say(`round ${round + 1}: mlp ${name} on two cores ${Math.round(full.rps)}/s`);
            continue;
          }
          const half = (series["unbatchedRps"]?.[0] ?? full.rps) / 2;
          const met = await steady(port, row, half, seconds);
          (series[`${name}P99`] ??= []).push(met.p99);
          say(`round ${round + 1}: mlp ${name} ${Math.round(full.rps)}/s; at ${Math.round(half)}/s p99 ${met.p99} ms`);
        } finally {
          await stop();
        }
      }
    }
    const of = (name: string): number => Math.round(median(series[name] ?? []) * 100) / 100;
    return {
      mlpBatchedRps: of("batchedRps"),
      mlpUnbatchedRps: of("unbatchedRps"),
      mlpWorkersRps: of("workersRps"),
      mlpThreadsRps: of("threadsRps"),
      mlpHalfLoadP99Ms: { batched: of("batchedP99"), unbatched: of("unbatchedP99") },
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function argv(folder: string, port: number, more: Record<string, number>): string[] {
  const flags = { model: path.join(folder, "model.onnx"), host: "127.0.0.1", port, workers: 1, log: "warn", ...more };
  return [SERVER, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])];
}
