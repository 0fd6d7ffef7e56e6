// A mid-size network, where the model is the cost: batched against one by one, at full load and at half of it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import protobuf from "protobufjs/light.js";
import { median } from "./median.ts";
import { answers, load, SERVER, startPinned, steady } from "./serve-tools.ts";

/** 2 x (64 x 1536 + 1536 x 1536 x 2 + 1536 x 2) = 9.6 MFLOP a row. */
const LAYERS = [64, 1536, 1536, 1536, 2];
const SECONDS = 3;

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
): Promise<Record<string, number | Record<string, number>>> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-mlp-"));
  try {
    await writeFile(path.join(folder, "model.onnx"), mlp());
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
          await answers(port, row, 30_000);
          await load(port, row, 32, 1);
          const full = await load(port, row, 32, SECONDS);
          (series[`${name}Rps`] ??= []).push(full.rps);
          if (name !== "batched" && name !== "unbatched") {
            say(`round ${round + 1}: mlp ${name} on two cores ${Math.round(full.rps)}/s`);
            continue;
          }
          const half = (series["unbatchedRps"]?.[0] ?? full.rps) / 2;
          const met = await steady(port, row, half, SECONDS);
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

type Write = (writer: protobuf.Writer) => protobuf.Writer;

/** A field that holds a message (wire type 2). */
function nested(field: number, write: Write): Write {
  return (writer) => write(writer.uint32((field << 3) | 2).fork()).ldelim();
}

const text =
  (field: number, value: string): Write =>
  (writer) =>
    writer.uint32((field << 3) | 2).string(value);
const number =
  (field: number, value: number): Write =>
  (writer) =>
    writer.uint32(field << 3).int64(value);
const all =
  (...parts: Write[]): Write =>
  (writer) =>
    parts.reduce((each, part) => part(each), writer);

/** The network as an ONNX file (onnx.proto, IR version 8): its weights are small numbers that are always the same. */
function mlp(): Uint8Array {
  const weights = LAYERS.slice(1).map((width, index) => initializer(`w${index}`, LAYERS[index] ?? 0, width));
  const nodes = LAYERS.slice(1).flatMap((_width, index) => {
    const [from, last] = [index === 0 ? "x" : `h${index - 1}`, index === LAYERS.length - 2];
    const product = last ? "probabilities_raw" : `m${index}`;
    const after = last ? node("Softmax", [product], "probabilities") : node("Relu", [product], `h${index}`);
    return [node("MatMul", [from, `w${index}`], product), after];
  });
  const graph = all(
    ...nodes.map((each) => nested(1, each)),
    text(2, "mlp"),
    ...weights.map((each) => nested(5, each)),
    nested(11, valueInfo("x", LAYERS[0] ?? 0)),
    nested(12, valueInfo("probabilities", LAYERS.at(-1) ?? 0)),
  );
  return all(
    number(1, 8),
    text(2, "bench"),
    nested(7, graph),
    nested(8, number(2, 15)),
  )(protobuf.Writer.create()).finish();
}

function node(operation: string, inputs: string[], output: string): Write {
  return all(...inputs.map((each) => text(1, each)), text(2, output), text(4, operation));
}

function valueInfo(name: string, width: number): Write {
  const shape = all(nested(1, text(2, "n")), nested(1, number(1, width)));
  return all(text(1, name), nested(2, nested(1, all(number(1, 1), nested(2, shape)))));
}

function initializer(name: string, rows: number, columns: number): Write {
  const values = Float32Array.from({ length: rows * columns }, (_, index) => (((index * 7919) % 201) - 100) / 4000);
  const bytes = new Uint8Array(values.buffer);
  return all(number(1, rows), number(1, columns), number(2, 1), text(8, name), (writer) =>
    writer.uint32((9 << 3) | 2).bytes(bytes),
  );
}
