// Our model server against FastAPI, on one core; the load has the other.
import { cp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { deadline } from "drayage-clock";
import { onnx } from "../packages/dray/src/recipes/onnx.ts";
import { must, prepareBase } from "../test/world/images.ts";
import { worldFolder } from "../test/world/owner.ts";
import { median } from "./median.ts";
import { benchMlp } from "./serve-mlp.ts";
import { answers, load, prepareWrk, residentMb, SERVER, startPinned } from "./serve-tools.ts";
import type { Figures, Stage } from "./stage.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const EXAMPLE = here("../examples/decisions-onnx");
const SECONDS = 3;
const CONNECTIONS = 32;

/** A server under test: on core 0, until stopped. */
interface Peer {
  name: string;
  port: number;
  start(): Promise<() => Promise<void>>;
}

/** Medians of `rounds`; requests a second, milliseconds, megabytes. */
export async function benchServe(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const seconds = stage.smoke ? 1 : SECONDS;
  const row = await goldenRow();
  say("building the peers' images (FastAPI with scikit-learn, FastAPI with onnxruntime, wrk)");
  await buildImages();
  const series: Record<string, number[]> = {};
  const note = (name: string, value: number): void => void (series[name] ??= []).push(value);
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers()) {
      const stop = await peer.start();
      try {
        await answers(peer.port, row, 30_000);
        if (!stage.smoke) await load(peer.port, row, CONNECTIONS, 1);
        const full = await load(peer.port, row, CONNECTIONS, seconds);
        note(`${peer.name}Rps`, full.rps);
        note(`${peer.name}P99`, full.p99);
        if (peer.name.startsWith("ours")) note(`${peer.name}Idle`, (await load(peer.port, row, 1, seconds)).p50);
        if (peer.name === "ours") note("rss", await residentMb());
        say(`round ${round + 1}: ${peer.name} ${Math.round(full.rps)}/s, p99 ${full.p99} ms`);
      } finally {
        await stop();
      }
    }
    note("cold", await coldStart(row));
    note(
      "loop",
      Number(
        await must([
          "taskset",
          "-c",
          "0",
          process.execPath,
          here("serve/model-loop.mjs"),
          path.join(EXAMPLE, "model.onnx"),
          row,
          "2",
        ]),
      ),
    );
  }
  return { ...summary(series), imageMb: await imageMb(), ...(await benchMlp(rounds, say, seconds)) };
}

function summary(series: Record<string, number[]>): Figures {
  const of = (name: string): number => median(series[name] ?? []);
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    sklearnRps: Math.round(of("sklearnRps")),
    fastapiOrtRps: Math.round(of("fastapiOrtRps")),
    oursRps: Math.round(of("oursRps")),
    standardRps: Math.round(of("standardRps")),
    oursUnbatchedRps: Math.round(of("oursUnbatchedRps")),
    noModelRps: Math.round(of("noModelRps")),
    modelLoopRps: of("loop"),
    idleP50Ms: of("oursIdle"),
    unbatchedIdleP50Ms: of("oursUnbatchedIdle"),
    p99Ms: Object.fromEntries(
      ["sklearn", "fastapiOrt", "ours", "standard", "oursUnbatched", "noModel"].map((name) => [name, of(`${name}P99`)]),
    ),
    rssMb: Math.round(of("rss")),
    coldStartMs: Math.round(of("cold")),
    overSklearn: round(of("oursRps") / of("sklearnRps")),
    overFastapiOrt: round(of("oursRps") / of("fastapiOrtRps")),
    overStandard: round(of("oursRps") / of("standardRps")),
    overNoModel: round(of("oursRps") / of("noModelRps")),
  };
}

function peers(): Peer[] {
  const contained = (name: string, image: string, port: number): Peer => ({
    name,
    port,
    start: async () => {
      const id = await must(["docker", "run", "-d", "--rm", "--network", "host", "-e", `PORT=${port}`, image]);
      return async () => void (await must(["docker", "rm", "-f", id]));
    },
  });
  const local = (name: string, port: number, argv: string[]): Peer => ({
    name,
    port,
    start: async () => await Promise.resolve(startPinned(argv)),
  });
  return [
    contained("sklearn", "drayage-bench/sklearn", 9101),
    local("ours", 9104, ours(9104)),
    local("standard", 9111, ours(9111, "--wire", "standard")),
    contained("fastapiOrt", "drayage-bench/ort", 9102),
    local("oursUnbatched", 9105, ours(9105, "--batch", "1")),
    local("noModel", 9103, [here("serve/no-model.mjs")]),
  ];
}

/** With everything on: validation, metrics, limits, request ids. */
function ours(port: number, ...more: string[]): string[] {
  const files = [
    "--model",
    path.join(EXAMPLE, "model.onnx"),
    "--schema",
    path.join(EXAMPLE, "schema.yaml"),
    "--golden",
    path.join(EXAMPLE, "golden.json"),
  ];
  return [SERVER, ...files, "--host", "127.0.0.1", "--port", String(port), "--workers", "1", "--log", "warn", ...more];
}

/** From the start of the process to the first prediction. */
async function coldStart(row: string): Promise<number> {
  const startedAt = performance.now();
  const stop = startPinned(ours(9106));
  try {
    await answers(9106, row, 10_000);
    return performance.now() - startedAt;
  } finally {
    await stop();
  }
}

async function goldenRow(): Promise<string> {
  const [golden] = JSON.parse(await readFile(path.join(EXAMPLE, "golden.json"), "utf8")) as {
    request: { body: object };
  }[];
  return JSON.stringify(golden?.request.body);
}

async function buildImages(): Promise<void> {
  await prepareBase();
  const folder = await worldFolder("dray-bench-");
  try {
    await cp(here("serve"), folder, { recursive: true });
    await cp(EXAMPLE, folder, { recursive: true });
    await prepareWrk();
    for (const name of ["sklearn", "ort"]) {
      await must([
        "docker",
        "build",
        "-q",
        "-t",
        `drayage-bench/${name}`,
        "-f",
        path.join(folder, `${name}.Dockerfile`),
        folder,
      ]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function imageMb(): Promise<number> {
  const order = { service: "decisions", folder: EXAMPLE, model: "model.onnx" };
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  using limit = deadline(60_000);
  const context = { signal: limit.signal, emit: () => undefined, secrets: new Map() };
  const { cargo } = await onnx.make(order, architecture, context);
  const bytes = (cargo?.layers ?? []).reduce((sum, layer) => sum + layer.size, 0);
  return Math.round(bytes / 1e5) / 10;
}
