// Strangers' models through `dray init` and the server, against what PyPI's onnxruntime answered to each row alone.
import type { Stage } from "./stage.ts";
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  bodyOf,
  cases,
  type Feeds,
  type Place,
  strangers,
  type Stranger,
  wrongWith,
  wrongTensors,
} from "../test/fixtures/strangers.ts";
import { mixedWhenForced } from "./models/control.ts";
import { run } from "./models/process.ts";
import { SERVER, untilReady } from "./serve-tools.ts";

const DRAY = fileURLToPath(new URL("../packages/dray/dist/cli/main.js", import.meta.url));
const SHARED = fileURLToPath(new URL("../../shared/cases/onnx", import.meta.url));
const LEAST = 90;
const CALLERS = 64;
const ASKS = 4;
const SIDE_BY_SIDE = 2;
const FIRST_PORT = 9300;

/** How a model went. */
interface Went {
  served: boolean;
  right: boolean;
  mixed: boolean;
  silentlyWrong: boolean;
  refusedClearly: boolean;
  /** Where it went wrong. */
  why?: string;
}

type Figures = Record<string, number>;

/** A smoke takes one model in so many. */
const SMOKE_EVERY = 50;

/** Counts of models; `rounds` is of no use: an answer is right or it is not. @throws Error for too few files, or a control that fails */
export async function benchModels(_rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const known = [...strangers(), ...cases(SHARED)];
  if (known.length < LEAST) throw new Error(`${known.length} models; fewer than ${LEAST} show nothing`);
  const all = stage.smoke ? known.filter((_, index) => index % SMOKE_EVERY === 0) : known;
  if (!(await mixedWhenForced()))
    throw new Error("the control: rows that mix were asked together, and nothing was noticed");
  const went: Went[] = [];
  const waiting = [...all];
  const work = async (lane: number): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const one = await tryOne(next, FIRST_PORT + lane);
      went.push(one);
      if (!isAsExpected(next, one)) say(`${next.name}: ${JSON.stringify(one)}`);
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, async (_, lane) => await work(lane)));
  const count = (is: (one: Went) => boolean): number => went.filter(is).length;
  return {
    files: all.length,
    servable: all.filter((each) => each.servable).length,
    served: count((one) => one.served),
    right: count((one) => one.right),
    mixed: count((one) => one.mixed),
    silentlyWrong: count((one) => one.silentlyWrong),
    refusedClearly: count((one) => one.refusedClearly),
    unclear: count((one) => !one.right && !one.refusedClearly),
  };
}

const isAsExpected = (stranger: Stranger, one: Went): boolean => (stranger.servable ? one.right : one.refusedClearly);

const NOTHING: Went = { served: false, right: false, mixed: false, silentlyWrong: false, refusedClearly: false };

async function tryOne(stranger: Stranger, port: number): Promise<Went> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-models-"));
  try {
    await cp(stranger.folder, folder, { recursive: true });
    const model = path.join(folder, "model.onnx");
    const init = [process.execPath, DRAY, "init", "--model", model, "--machine", "local", "--service", "model"];
    const made = await run(init, folder);
    if (made.code !== 0) return refused(made.stderr);
    const facts = JSON.parse(
      (await run([process.execPath, SERVER, "inspect", "--model", model], folder)).stdout,
    ) as Facts;
    const server = serve(folder, port);
    try {
      await untilReady(port, 30_000);
      return await compare(stranger, facts.features, port);
    } finally {
      // One that ended by itself ends no second time.
      const ended = new Promise((resolve) => server.once("exit", resolve));
      if (server.exitCode === null && server.signalCode === null && server.kill("SIGTERM")) await ended;
    }
  } catch (error) {
    return { ...NOTHING, why: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Facts {
  features: Place[];
}

/** One sentence and what to do, without colours or a stack. */
function refused(stderr: string): Went {
  const said = stderr.trim();
  const clear = /cannot be served: \S/.test(said) && !/\[[\d;]+m|\.cc:\d|\n\s+at |onnxruntime_src/.test(said);
  return { ...NOTHING, refusedClearly: clear, why: said };
}

/** As `dray serve` starts it, with what `dray init` wrote. */
function serve(folder: string, port: number): ChildProcess {
  const files = [
    ["--schema", "schema.yaml"],
    ["--golden", "golden.json"],
  ].flatMap(([flag = "", name = ""]) => (existsSync(path.join(folder, name)) ? [flag, path.join(folder, name)] : []));
  const argv = [
    SERVER,
    "--model",
    path.join(folder, "model.onnx"),
    ...files,
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
  ];
  return spawn(process.execPath, [...argv, "--workers", "1", "--log", "silent", "--service", "model"], {
    stdio: "ignore",
  });
}

async function compare(stranger: Stranger, features: readonly Place[], port: number): Promise<Went> {
  const rows = stranger.rows.map((feeds) => bodyOf(features, feeds));
  const decide = async (index: number): Promise<string | undefined> => {
    const decision = await post(port, "/decisions", rows[index] ?? {});
    return wrongWith(decision, stranger.answers[index] ?? {}, stranger);
  };
  const alone: (string | undefined)[] = [];
  for (const [index, feeds] of stranger.rows.entries()) {
    alone.push(await decide(index), await infer(stranger, feeds, index, port));
  }
  const wrong = alone.find((each) => each !== undefined);
  if (wrong !== undefined) return { ...NOTHING, served: true, silentlyWrong: !wrong.startsWith("HTTP"), why: wrong };
  const caller = async (_: unknown, number: number): Promise<(string | undefined)[]> => {
    const found: (string | undefined)[] = [];
    for (let ask = 0; ask < ASKS; ask++) found.push(await decide((number + ask) % rows.length));
    return found;
  };
  const crowd = (await Promise.all(Array.from({ length: CALLERS }, caller))).flat();
  const mixed = crowd.find((each) => each !== undefined);
  if (mixed !== undefined) return { ...NOTHING, served: true, mixed: true, why: mixed };
  return { ...NOTHING, served: stranger.servable, right: stranger.servable };
}

async function infer(stranger: Stranger, feeds: Feeds, index: number, port: number): Promise<string | undefined> {
  const model = await (await fetch(`http://127.0.0.1:${port}/v2/models/model`)).json();
  const types = new Map(
    (model as { inputs: { name: string; datatype: string }[] }).inputs.map((each) => [each.name, each.datatype]),
  );
  const inputs = Object.entries(feeds).map(([name, { shape, data }]) => {
    const cells = Array.isArray(data) ? data.flat<unknown[], 20>(20) : [data];
    return { name, shape, datatype: types.get(name), data: cells };
  });
  const { outputs } = await post<{ outputs: { name: string; data: unknown[] }[] }>(port, "/v2/models/model/infer", {
    inputs,
  });
  return wrongTensors(new Map(outputs.map(({ name, data }) => [name, data])), stranger.answers[index] ?? {});
}

async function post<T = Record<string, unknown>>(port: number, where: string, body: unknown): Promise<T> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`http://127.0.0.1:${port}${where}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`HTTP ${answer.status} ${where}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as T;
}
