// schemathesis (PyPI), all of its checks, against what our servers say of themselves: the model server with models of
// several kinds, and the Python app that `dray init --python` writes. And promtool, against their numbers and the keeper's.
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pythonWith } from "../test/world/python.ts";
import { run } from "./models/process.ts";
import { faultsOf, keepersMetrics } from "./schema/promtool.ts";
import { SERVER, untilReady } from "./serve-tools.ts";
import type { Figures, Stage } from "./stage.ts";

const at = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const DRAY = at("../packages/dray/dist/cli/main.js");
const EXAMPLE = at("../examples/decisions-onnx");
const PORT = 9330;

/** For each operation; schemathesis has cases of its own besides, and fewer where there is nothing left to try. */
const CASES = { model: 480, python: 1000 };
/** A server that was asked less shows nothing. */
const LEAST = 1000;
const SEED = 27;

/** A model of each kind: numbers and categories, all types of column, an image, a list of any length, missing values. */
const MODELS: Record<string, string[]> = {
  loans: ["--model", `${EXAMPLE}/model.onnx`, "--schema", `${EXAMPLE}/schema.yaml`],
  ...Object.fromEntries(
    ["made-columns-of-every-type", "made-image", "made-tokens", "made-imputer"].map((name) => [
      name,
      ["--model", at(`../test/fixtures/models/${name}/model.onnx`)],
    ]),
  ),
};

/** What schemathesis says at the end. */
interface Report {
  complete: boolean;
  test_cases: { generated: number; unique_failures: number };
  errors: unknown[];
}

/** Cases and failures of all servers; each round is one seed more. @throws Error for a server that was asked too little */
export async function benchSchema(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-schema-"));
  const reports: Report[] = [];
  const faults = stage.smoke ? [] : await faultsOf(await keepersMetrics());
  try {
    for (const name of stage.smoke ? Object.keys(MODELS).slice(0, 1) : [...Object.keys(MODELS), PYTHON]) {
      await using _server = ending(name === PYTHON ? await startPython(folder) : startModel(MODELS[name] ?? []));
      await untilReady(PORT, 30_000);
      if (stage.smoke) reports.push(await glance());
      else {
        for (let round = 0; round < rounds; round++) reports.push(await ask({ name, folder, say }, SEED + round));
        const found = await faultsOf(await (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text());
        faults.push(...found.map((each) => `${name}: ${each}`));
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const sum = (of: (report: Report) => number): number => reports.reduce((all, each) => all + of(each), 0);
  for (const fault of faults) say(fault);
  return {
    servers: stage.smoke ? 1 : Object.keys(MODELS).length + 1,
    cases: sum((each) => each.test_cases.generated),
    leastCases: Math.min(...reports.map((each) => each.test_cases.generated)),
    failures: sum((each) => each.test_cases.unique_failures),
    errors: sum((each) => each.errors.length),
    metricsFaults: faults.length,
  };
}

const PYTHON = "python";

function startModel(argv: readonly string[]): ChildProcess {
  const own = `--host 127.0.0.1 --port ${PORT} --workers 1 --log silent --service model`;
  return spawn(process.execPath, [SERVER, ...argv, ...own.split(" ")], { stdio: "ignore" });
}

/** As it would run in its container, with the packages that it says it needs. */
async function startPython(folder: string): Promise<ChildProcess> {
  await cp(at("schema/predict.py"), path.join(folder, "predict.py"));
  const init = ["init", "--python", "predict:predict", "--machine", "ops@203.0.113.7", "--service", "model"];
  const { code, stderr } = await run([process.execPath, DRAY, ...init], folder, {
    env: { DRAY_CONFIG: path.join(folder, "config") },
  });
  if (code !== 0) throw new Error(stderr);
  await cp(at("schema/schema.yaml"), path.join(folder, "schema.yaml"));
  const python = await pythonWith(path.join(folder, "serve-requirements.txt"));
  const env = { ...process.env, PORT: String(PORT), MODEL: "predict:predict" };
  return spawn(python, ["-c", "import serve; serve.main()"], { cwd: folder, env, stdio: "ignore" });
}

/** In a smoke nothing comes from PyPI: that there is a description must do. */
async function glance(): Promise<Report> {
  const { paths } = (await (await fetch(`http://127.0.0.1:${PORT}/openapi.json`)).json()) as { paths: object };
  const test_cases = { generated: Object.keys(paths).length, unique_failures: 0 };
  return { complete: true, test_cases, errors: [] };
}

interface Asking {
  name: string;
  folder: string;
  say: (line: string) => void;
}

async function ask({ name, folder, say }: Asking, seed: number): Promise<Report> {
  const python = await pythonWith(at("schema/requirements.txt"));
  const file = path.join(folder, `${seed}.json`);
  const checks = [
    "--checks",
    "all",
    "-n",
    String(name === PYTHON ? CASES.python : CASES.model),
    "--seed",
    String(seed),
    "--generation-database",
    "none",
  ];
  // The programs of an environment know the folder in which it was made, and not the one that it was moved to.
  const argv = [python, path.join(path.dirname(python), "schemathesis"), "--no-color", "run", ...checks];
  const written = ["--report", "json", "--report-json-path", file, `http://127.0.0.1:${PORT}/openapi.json`];
  const { stdout, stderr } = await run([...argv, ...written], folder, { timeout: HALF_AN_HOUR_MS });
  const report = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  );
  await rm(file, { force: true });
  if (report?.complete !== true)
    throw new Error(`${name}: schemathesis came to no end:\n${(stdout + stderr).slice(-1000)}`);
  const { generated, unique_failures: failures } = report.test_cases;
  say(`${name}: ${generated} cases, ${failures} failures`);
  if (failures > 0) say(stdout.slice(stdout.indexOf("= FAILURES =")));
  if (generated < LEAST) throw new Error(`${name} was asked ${generated} times only`);
  return report;
}

const HALF_AN_HOUR_MS = 1_800_000;

function ending(server: ChildProcess): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      if (server.exitCode === null && server.signalCode === null && server.kill("SIGTERM")) await ended;
    },
  };
}
