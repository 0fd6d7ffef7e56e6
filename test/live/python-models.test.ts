import { type ChildProcess, spawn } from "node:child_process";
import { cp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untilReady } from "../../bench/serve-tools.ts";
import { run } from "../../bench/models/process.ts";
import { worldFolder } from "../world/owner.ts";
import { pythonWith } from "../world/python.ts";
import { runDray } from "../world/vm.ts";

// By hand: torch as PyPI has it is some GB; DRAY_LIVE_PYTHON names a Python that has all of python/requirements.txt. Models as people make them become APIs by one command, and answer what they
// answer in their makers' own Python.

const PROGRAMS = path.join(import.meta.dirname, "python");
const RATIOS = path.join(import.meta.dirname, "../fixtures/python/ratios.py");
const ROW = { income: 41.5, amount: 20, age: 37 };
const PORT = 9350;

interface Answers {
  pipeline: number;
  chance: number;
  limit: number;
  net: number[];
}

let made = "";
let makers = "";
let answers: Answers;
beforeAll(async () => {
  made = await worldFolder("dray-python-");
  await cp(PROGRAMS, made, { recursive: true });
  await cp(RATIOS, path.join(made, "ratios.py"));
  await writeFile(path.join(made, "row.json"), JSON.stringify(ROW));
  makers = process.env["DRAY_LIVE_PYTHON"] ?? (await pythonWith(path.join(PROGRAMS, "requirements.txt")));
  const ended = await run([makers, "train.py"], made);
  if (ended.code !== 0) throw new Error(ended.stderr);
  answers = JSON.parse(await readFile(path.join(made, "answers.json"), "utf8")) as Answers;
}, 3_000_000);
afterAll(async () => await rm(made, { recursive: true, force: true }));

test.each<[string, string[], string[], (right: Answers) => unknown]>([
  [
    "a pipeline with a transformer of one's own",
    ["model.joblib", "ratios.py"],
    ["--model", "model.joblib"],
    ({ pipeline }) => ({ label: "approve", probabilities: expect.anything(), score: near(pipeline) }),
  ],
  [
    "a function that asks two models",
    ["both.py", "chances.joblib", "limits.joblib"],
    ["--python", "both:decide"],
    ({ chance, limit }) => ({ chance: near(chance), limit: near(limit) }),
  ],
  ["a torch module", ["net.pt", "net.py"], ["--model", "net.pt"], ({ net }) => ({ outputs: net.map(near) })],
])("%s: from its file to a prediction", async (_title, files, named, right) => {
  const folder = await worldFolder("dray-python-");
  let child: ChildProcess | undefined;
  try {
    for (const file of [...files, "row.json"]) await cp(path.join(made, file), path.join(folder, file));
    // The environment that the model was made in lies where dray looks for it.
    await symlink(path.dirname(path.dirname(makers)), path.join(folder, ".venv"));
    const env = { ...process.env, DRAY_CONFIG: path.join(folder, "config") };
    const init = [
      "init",
      ...named,
      "--example",
      "row.json",
      "--machine",
      "ops@203.0.113.7",
      "--service",
      "m",
      "--json",
    ];
    const { code, stderr } = await runDray(folder, env, init);
    expect(code, stderr).toBe(0);
    child = await serve(folder);
    const answer = await fetch(`http://127.0.0.1:${PORT}/decisions`, { method: "POST", body: JSON.stringify(ROW) });
    expect(await answer.json()).toEqual(right(answers));
  } finally {
    child?.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
});

const near = (value: number): number => expect.closeTo(value, 5) as number;

/** A name has several spellings, and a build of torch says for what it is. */
const plain = (line: string): string => line.toLowerCase().replaceAll("_", "-").replace(/\+.*/, "");

/** Starts it as its Dockerfile does, in a Python that has what its requirements say. */
async function serve(folder: string): Promise<ChildProcess> {
  const { stdout: listed } = await run([makers, "-m", "pip", "list", "--format", "freeze"], folder);
  const has = new Set(listed.split("\n").map(plain));
  for (const name of ["serve-requirements.txt", "requirements.txt"]) {
    const lines = (await readFile(path.join(folder, name), "utf8")).split("\n");
    const missing = lines.filter((line) => line.includes("==") && !has.has(plain(line)));
    expect(missing).toEqual([]);
  }
  const dockerfile = await readFile(path.join(folder, "Dockerfile"), "utf8");
  const asked = /MODEL=(\S+)/.exec(dockerfile)?.[1] ?? "";
  const env = { ...process.env, PORT: String(PORT), MODEL: asked };
  const child = spawn(makers, ["-c", "import serve; serve.main()"], { cwd: folder, env, stdio: "inherit" });
  await untilReady(PORT, 120_000);
  return child;
}
