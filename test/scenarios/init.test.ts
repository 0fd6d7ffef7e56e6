import { existsSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Ended } from "../../packages/dray/src/base/process.ts";
import { bodyOf, strangers } from "../fixtures/strangers.ts";
import { worldFolder } from "../world/owner.ts";
import { runDray } from "../world/vm.ts";

const MODEL = "made-external-weights";
const FIXTURE = fileURLToPath(new URL(`../fixtures/models/${MODEL}`, import.meta.url));

async function init(row: unknown): Promise<{ folder: string; ended: Ended }> {
  const folder = await worldFolder();
  await cp(FIXTURE, folder, { recursive: true });
  await writeFile(path.join(folder, "row.json"), JSON.stringify(row));
  const argv = ["init", "--model", "model.onnx", "--example", "row.json", "--machine", "ops@203.0.113.7", "--json"];
  const env = { ...process.env, DRAY_CONFIG: path.join(folder, "config") };
  return { folder, ended: await runDray(folder, env, argv) };
}

test("init --example: a model whose weights are in a second file gives its golden answer to that row", async () => {
  const known = strangers().find(({ name }) => name === MODEL);
  const places = Array.from({ length: 7 }, (_, at) => ({ name: `x_${at}`, input: "x", type: "number", shape: [] }));
  const row = bodyOf(places, known?.rows[0] ?? {});
  const { folder, ended } = await init(row);
  try {
    expect(ended.code, ended.stderr).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ written: ["dray.yaml", "schema.yaml", "golden.json"] });
    const [golden] = JSON.parse(await readFile(path.join(folder, "golden.json"), "utf8")) as {
      request: { body: unknown };
      expect: { body: { outputs: { y: number[] } } };
    }[];
    expect(golden?.request.body).toEqual(row);
    // What onnxruntime of PyPI answered to that row alone.
    const [wanted = []] = (known?.answers[0]?.["y"] ?? []) as number[][];
    expect(wanted).toHaveLength(2);
    expect(golden?.expect.body.outputs.y).toEqual(wanted.map((each) => expect.closeTo(each, 5) as number));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("init --example: a row that is none of the model's is the row's fault, and nothing is written", async () => {
  const { folder, ended } = await init({ x: [1, 2, 3, 4, 5, 6, 7] });
  try {
    expect(ended.code).toBe(2);
    const said = JSON.parse(ended.stdout) as { error: { message: string } };
    expect(said.error.message).toContain("row.json is no row of model.onnx: /x_0: expected a number, got nothing");
    expect(existsSync(path.join(folder, "dray.yaml"))).toBe(false);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
