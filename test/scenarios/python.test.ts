import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { worldFolder } from "../world/owner.ts";
import { pythonWith } from "../world/python.ts";
import { runDray } from "../world/vm.ts";

const PREDICT = `"""Two models behind one function."""
import time

limits = {}


def load():
    limits["share"] = 0.4


def predict(row: dict) -> dict:
    time.sleep(row.get("seconds", 0))
    if row["income"] == 13:
        raise ValueError("no luck")
    approved = row["income"] > row["amount"]
    return {"approved": approved, "limit": limits["share"] * row["income"], "ratio": float("nan")}
`;
const SCHEMA = `title: Limits
features:
  - {name: income, type: number, minimum: 0, unit: EUR, example: 41.5}
  - {name: amount, type: number, default: 1}
  - {name: seconds, type: number, default: 0}
`;

const FIXTURES = fileURLToPath(new URL("../fixtures/python", import.meta.url));

let folder = "";
let base = "";
let child: ChildProcess | undefined;
let logged = "";

afterAll(async () => {
  child?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

// Here it runs as it would in the container, with what it says that it needs.
test("dray init --python writes a server that starts", async () => {
  folder = await worldFolder();
  await writeFile(path.join(folder, "predict.py"), PREDICT);
  await writeFile(path.join(folder, "row.json"), '{"income": 41.5, "amount": 12}');
  const init = [
    "init",
    "--python",
    "predict:predict",
    "--example",
    "row.json",
    "--machine",
    "ops@203.0.113.7",
    "--json",
  ];
  const env = { ...process.env, DRAY_CONFIG: path.join(folder, "config") };
  const { code, stdout, stderr } = await runDray(folder, env, init);
  expect(code, stderr).toBe(0);
  expect((JSON.parse(stdout) as { written: string[] }).written).toContain("Dockerfile");
  await writeFile(path.join(folder, "schema.yaml"), SCHEMA);
  const python = await pythonWith(path.join(folder, "serve-requirements.txt"));
  const port = String(20_000 + Math.floor(Math.random() * 20_000));
  base = `http://127.0.0.1:${port}`;
  const settings = { PORT: port, MODEL: "predict:predict", QUEUE: "2", TIMEOUT: "1", BODY: "1000", ROWS: "5" };
  child = spawn(python, ["-c", "import serve; serve.main()"], { cwd: folder, env: { ...env, ...settings } });
  child.stderr?.on("data", (said) => (logged += String(said)));
  const ready = (): Promise<number> =>
    fetch(`${base}/health/ready`).then(
      ({ status }) => status,
      () => 0,
    );
  await expect.poll(ready).toBe(200);
});
test("dray init --model says of a pickle what opening it means, and opens it only in the container", async () => {
  const own = await worldFolder();
  try {
    await cp(path.join(FIXTURES, "model.joblib"), path.join(own, "model.joblib"));
    await writeFile(path.join(own, "requirements.txt"), "scikit-learn==1.7.2\n");
    // It would be written down if the class of the pickle were ever made here.
    await writeFile(path.join(own, "ratios.py"), 'open("opened", "w").close()\n');
    const init = ["init", "--model", "model.joblib", "--machine", "ops@203.0.113.7", "--json"];
    const { code, stdout, stderr } = await runDray(
      own,
      { ...process.env, DRAY_CONFIG: path.join(own, "config") },
      init,
    );
    expect(code, stderr).toBe(0);
    const said = JSON.parse(stdout) as { notes: string[]; written: string[]; ready: string };
    expect(said.notes[0]).toContain("model.joblib is a pickle: opening it runs the code that is in it");
    expect(said.written).toContain("predict.py");
    expect(existsSync(path.join(own, "opened"))).toBe(false);
    const dockerfile = await readFile(path.join(own, "Dockerfile"), "utf8");
    expect(dockerfile).toContain('COPY ["model.joblib","model.joblib"]\nCOPY *.py schema.yaml ./');
  } finally {
    await rm(own, { recursive: true, force: true });
  }
});

const decide = async (body: unknown, at = "/decisions"): Promise<Response> =>
  await fetch(base + at, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });

test("a row, a list of rows, and what platforms wrap around them", async () => {
  const answer = { approved: true, limit: 16.6, ratio: null };
  expect(await (await decide({ income: 41.5 })).json()).toEqual(answer);
  expect(await (await decide([{ income: 41.5 }, { income: 1, amount: 2 }])).json()).toEqual([
    answer,
    { approved: false, limit: 0.4, ratio: null },
  ]);
  expect(await (await decide({ instances: [{ income: 41.5 }] }, "/invocations")).json()).toEqual({
    predictions: [answer],
  });
});

test("every field that is wrong is named, as our own server names it", async () => {
  const refused = await decide([{ income: 1 }, { income: -1, amount: "x", age: 3 }]);
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({
    error: {
      message: "/1/age: expected only income, amount, seconds, got an unknown field",
      issues: [
        { path: "/1/age" },
        { path: "/1/income", expected: "a number from 0 (EUR)", got: "-1" },
        { path: "/1/amount", expected: "a number", got: "a text" },
      ],
    },
    requestId: refused.headers.get("x-request-id"),
  });
});

test.each([
  ["no JSON", "{", 400],
  ["a number that JSON does not have", '{"income": Infinity}', 400],
  ["a list without rows", [], 422],
  ["more rows than are allowed", Array.from({ length: 6 }, () => ({ income: 1 })), 413],
  ["a body that is too large", { income: 1, note: "x".repeat(1000) }, 413],
  ["a function that fails", { income: 13 }, 500],
  ["a function that takes too long", { income: 1, seconds: 1.5 }, 504],
])("%s is answered with its own status", async (_title, body, status) => {
  const refused = await decide(body);
  expect(refused.status).toBe(status);
  expect(await refused.json()).toMatchObject({ error: { message: expect.any(String) as string } });
});

test("more requests than may wait are told to come back", async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => decide({ income: 1, seconds: 0.2 })));
  const refused = all.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(3);
  expect(refused[0]?.headers.get("retry-after")).toBe("1");
  expect(all.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2);
});

test("other methods, other paths, the description and the numbers", async () => {
  const other = await fetch(`${base}/decisions`);
  expect([other.status, other.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await fetch(`${base}/nothing`)).status).toBe(404);
  const openapi = (await (await fetch(`${base}/openapi.json`)).json()) as { components: { schemas: { Row: object } } };
  expect(openapi.components.schemas.Row).toMatchObject({ required: ["income"], additionalProperties: false });
  const numbers = await (await fetch(`${base}/metrics`)).text();
  expect(numbers).toContain('dray_requests_total{code="404",route="none"} 1.0');
  expect(numbers).toMatch(/^dray_model_seconds_count \d+/m);
  // A failure of the function's is in the log, with its place.
  expect(logged).toContain('raise ValueError("no luck")');
  expect(await readFile(path.join(folder, "requirements.txt"), "utf8")).toBe("\n");
});

test("what is being answered at SIGTERM is still answered", async () => {
  const last = decide({ income: 1, seconds: 0.5 });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const ended = once(child ?? process, "exit");
  child?.kill("SIGTERM");
  expect((await last).status).toBe(200);
  await ended;
});
