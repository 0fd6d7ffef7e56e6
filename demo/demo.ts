// The main job on a VM stand-in: deploy a model's API over SSH, call it, replace it under load, roll back.
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startLoad } from "../test/world/load.ts";
import { startVm, type Vm } from "../test/world/vm.ts";

const EXAMPLE = fileURLToPath(new URL("../examples/decisions-onnx", import.meta.url));
const json = process.argv.includes("--json");
const say = (text: string): void => void process.stderr.write(`${text}\n`);

interface Result {
  outcomes: { servingMs: number; bytesSent: number }[];
}

async function dray(vm: Vm, ...argv: string[]): Promise<{ servingMs: number; bytesSent: number; ms: number }> {
  say(`$ dray ${argv.join(" ")}`);
  const startedAt = performance.now();
  const ended = await vm.dray(...argv, "--json");
  const ms = Math.round(performance.now() - startedAt);
  const [outcome] = ended.code === 0 ? (JSON.parse(ended.stdout) as Result).outcomes : [];
  if (outcome === undefined) throw new Error(`dray ${argv.join(" ")} failed\n${ended.stdout}\n${ended.stderr}`);
  say(`  serving after ${outcome.servingMs} ms, done after ${ms} ms, ${(outcome.bytesSent / 1e6).toFixed(2)} MB sent`);
  return { ...outcome, ms };
}

async function look(vm: Vm, where: string): Promise<void> {
  const answer = await fetch(`http://${vm.address}${where}`);
  if (!answer.ok) throw new Error(`GET ${where} answered ${answer.status}`);
  say(
    `GET http://${vm.address}${where} -> ${answer.status} ${(await answer.text()).replaceAll(/\s+/g, " ").slice(0, 90)}`,
  );
}

/** The figures of a story, as its JSON has them. */
type Figures = { requests: number; failed: number } & Record<string, number>;

async function demoMachine(): Promise<Figures> {
  say("starting a machine that has OpenSSH and Docker, and nothing else");
  await using vm = await startVm("bookworm", "ops", { fresh: true });
  await cp(EXAMPLE, vm.folder, { recursive: true });
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nmodel: model.onnx\n`);
  say(`${path.basename(EXAMPLE)}: a scikit-learn model as model.onnx; its API and image are made here, without Docker`);
  const first = await dray(vm, "deploy");
  await look(vm, "/");
  await look(vm, "/docs");
  const called = await vm.dray("request");
  if (called.code !== 0) throw new Error(called.stderr);
  say(called.stdout.trim());

  const load = startLoad(`http://${vm.address}/`, 100);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const schema = await readFile(path.join(EXAMPLE, "schema.yaml"), "utf8");
  await vm.write("schema.yaml", schema.replace("Loan decisions", "Loan decisions, version 2"));
  const second = await dray(vm, "deploy");
  await look(vm, "/");
  const back = await dray(vm, "rollback");
  await look(vm, "/");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const met = await load.stop();
  return {
    requests: met.sent,
    failed: met.failed,
    deployMs: first.ms,
    switchMs: second.servingMs,
    rollbackMs: back.servingMs,
    bytesSent: second.bytesSent,
  };
}

// A cluster is built only for whoever asks for one.
const result: Figures = process.argv.includes("--kubernetes")
  ? { ...(await (await import("./kubernetes.ts")).demoKubernetes(say)) }
  : await demoMachine();
say(`${result.requests} requests sent during the roll-out and the rollback, ${result.failed} failed`);
if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
if (result.failed > 0) process.exitCode = 1;
