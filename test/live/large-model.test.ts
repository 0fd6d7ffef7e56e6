import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { open, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Writer } from "protobufjs";
import { expect, test } from "vitest";
import { SERVER, untilReady } from "../../bench/serve-tools.ts";
import { startVm } from "../world/vm.ts";

// By hand: it writes some 12 GB, and takes minutes. A model of more than 2 GB is more than one protobuf file may be, so
// its weights are beside it, as every exporter has them.

const WIDTH = 8192;
const LAYERS = 8;
const WORDS = 2048;
const DATA = "model.onnx.data";
/** Memory that may be used for each byte of the file. */
const MOST = 1.3;
const PORT = 9340;
const PEAK = fileURLToPath(new URL("peak.mjs", import.meta.url));

test("a model of more than 2 GB is served, and carried to a machine, in little more memory than it has itself", async () => {
  await using vm = await startVm();
  const size = await makeModel(vm.folder);
  expect(size).toBeGreaterThan(2 ** 31);
  const served = await serveHere(path.join(vm.folder, "model.onnx"));
  const told = { file: size, serveMb: megabytes(served.peak), serveRatio: served.peak / size };
  process.stdout.write(`${JSON.stringify(told)}\n`);
  expect(served.peak).toBeLessThan(MOST * size);

  const peaks = path.join(vm.folder, "peaks");
  const env = { PEAK_FILE: peaks, NODE_OPTIONS: `--import ${pathToFileURL(PEAK).href}` };
  const ok = async (...argv: string[]): Promise<string> => {
    const ended = await vm.drayWith(env, ...argv);
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    return ended.stdout;
  };
  await ok("init", "--model", "model.onnx", "--machine", vm.host, "--service", "large", "--json");
  const began = performance.now();
  const { outcomes } = JSON.parse(await ok("deploy", "--json", "--wait")) as Deployed;
  const seconds = (performance.now() - began) / 1000;
  expect(await ok("request")).toContain('"outputs"');
  const carried =
    Math.max(...(await readFile(peaks, "utf8")).split("\n").map((line) => Number.parseInt(line) || 0)) * 1024;
  const container = `dray-large-${outcomes[0]?.release}-1`;
  // The server's processes are below the engine's init, which is small whatever they take.
  const pids = (await vm.inside("docker", "top", container, "-eo", "pid")).split("\n").slice(1);
  const peaksThere = await Promise.all(
    pids.map(async (pid) => peakIn(await vm.inside("cat", `/proc/${pid.trim()}/status`))),
  );
  const there = peaksThere.reduce((sum, each) => sum + each, 0);
  const figures = {
    seconds,
    sentMb: megabytes(outcomes[0]?.bytesSent ?? 0),
    drayMb: megabytes(carried),
    thereMb: megabytes(there),
  };
  process.stdout.write(`${JSON.stringify(figures)}\n${await readFile(peaks, "utf8")}`);
  expect(carried).toBeLessThan(MOST * size);
  expect(there).toBeGreaterThan(size);
  expect(there).toBeLessThan(MOST * size);

  // Nothing of it travels again.
  const again = JSON.parse(await ok("deploy", "--json", "--wait")) as Deployed;
  expect(again.outcomes[0]?.bytesSent).toBeLessThan(1e6);
});

interface Deployed {
  outcomes: { release: string; bytesSent: number }[];
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
const peakIn = (status: string): number => Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024;

/** The most memory of a server that has answered, and what it answered. */
async function serveHere(model: string): Promise<{ peak: number }> {
  const argv = [SERVER, "--model", model, "--host", "127.0.0.1", "--port", String(PORT), "--workers", "1"];
  const child = spawn(process.execPath, argv, { stdio: "ignore" });
  try {
    await untilReady(PORT, 300_000);
    const ask = async (ids: number): Promise<unknown> => {
      const body = JSON.stringify({ ids });
      const headers = { "content-type": "application/json" };
      return await (await fetch(`http://127.0.0.1:${PORT}/decisions`, { method: "POST", headers, body })).json();
    };
    expect(await ask(7)).toEqual({ outputs: { y: Array.from({ length: 4 }, () => expect.any(Number) as number) } });
    expect(await ask(8)).not.toEqual(await ask(7));
    return { peak: peakIn(await readFile(`/proc/${child.pid}/status`, "utf8")) };
  } finally {
    child.kill("SIGKILL");
  }
}

/** Rows of an embedding, through matrices; the bytes of both. */
async function makeModel(folder: string): Promise<number> {
  const tensors: [name: string, dims: number[]][] = [["table", [WORDS, WIDTH]]];
  for (let layer = 0; layer < LAYERS; layer++) tensors.push([`w${layer}`, [WIDTH, WIDTH]]);
  tensors.push(["last", [WIDTH, 4]]);
  const file = await open(path.join(folder, DATA), "w");
  let at = 0;
  const initializers: Uint8Array[] = [];
  for (const [name, dims] of tensors) {
    const bytes = dims.reduce((product, each) => product * each, 4);
    initializers.push(tensorOf(name, dims, at, bytes));
    for (let left = bytes; left > 0; left -= BLOCK) await file.write(weights(Math.min(left, BLOCK)));
    at += bytes;
  }
  await file.close();
  const nodes = [node("Gather", ["table", "ids"], "h0")];
  for (let layer = 0; layer < LAYERS; layer++) nodes.push(node("MatMul", [`h${layer}`, `w${layer}`], `h${layer + 1}`));
  nodes.push(node("MatMul", [`h${LAYERS}`, "last"], "y"));
  const model = modelOf(nodes, initializers);
  await writeFile(path.join(folder, "model.onnx"), model);
  return model.length + (await stat(path.join(folder, DATA))).size;
}

const BLOCK = 2 ** 26;

/** Random bytes as numbers that neither vanish nor explode on their way through the matrices: only sign and fraction are random. */
function weights(bytes: number): Uint8Array {
  const cells = new Uint32Array(bytes / 4);
  randomFillSync(cells);
  for (let index = 0; index < cells.length; index++) cells[index] = ((cells[index] ?? 0) & 0x80_7f_ff_ff) | (120 << 23);
  return new Uint8Array(cells.buffer);
}

// onnx.proto, as far as it is needed: each function writes one message.
const made = (write: (to: Writer) => Writer): Uint8Array => write(Writer.create()).finish();
const at = (to: Writer, field: number): Writer => to.uint32((field << 3) | 2);
const number = (to: Writer, field: number): Writer => to.uint32(field << 3);

function node(operator: string, inputs: string[], output: string): Uint8Array {
  return made((to) => {
    for (const name of inputs) at(to, 1).string(name);
    return at(at(to, 2).string(output), 4).string(operator);
  });
}

function tensorOf(name: string, dims: number[], offset: number, length: number): Uint8Array {
  const pairs = Object.entries({ location: DATA, offset: String(offset), length: String(length) });
  return made((to) => {
    for (const each of dims) number(to, 1).int64(each);
    number(to, 2).int32(1);
    at(to, 8).string(name);
    for (const [key, value] of pairs) at(to, 13).bytes(made((pair) => at(at(pair, 1).string(key), 2).string(value)));
    return number(to, 14).int32(1);
  });
}

function valueOf(name: string, type: number, dims: (number | string)[]): Uint8Array {
  const shape = made((to) => {
    for (const each of dims) {
      const dim = made((one) => (typeof each === "string" ? at(one, 2).string(each) : number(one, 1).int64(each)));
      at(to, 1).bytes(dim);
    }
    return to;
  });
  const tensor = made((to) => at(number(to, 1).int32(type), 2).bytes(shape));
  return made((to) => at(at(to, 1).string(name), 2).bytes(made((one) => at(one, 1).bytes(tensor))));
}

const FLOAT = 1;
const INT64 = 7;

function modelOf(nodes: readonly Uint8Array[], initializers: readonly Uint8Array[]): Uint8Array {
  const graph = made((to) => {
    for (const each of nodes) at(to, 1).bytes(each);
    at(to, 2).string("large");
    for (const each of initializers) at(to, 5).bytes(each);
    return at(at(to, 11).bytes(valueOf("ids", INT64, ["N"])), 12).bytes(valueOf("y", FLOAT, ["N", 4]));
  });
  const opset = made((to) => number(at(to, 1).string(""), 2).int64(17));
  return made((to) => at(at(number(to, 1).int64(8), 7).bytes(graph), 8).bytes(opset));
}
