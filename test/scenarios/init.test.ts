import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bodyOf, strangers } from "../fixtures/strangers.ts";
import { worldFolder } from "../world/owner.ts";
import { runDray } from "../world/vm.ts";

const MODEL = "made-external-weights";
const FIXTURE = fileURLToPath(new URL(`../fixtures/models/${MODEL}`, import.meta.url));

test("init --example: a model whose weights are in a second file gives its golden answer to that row", async () => {
  const folder = await worldFolder();
  try {
    await cp(FIXTURE, folder, { recursive: true });
    const known = strangers().find(({ name }) => name === MODEL);
    const places = Array.from({ length: 7 }, (_, at) => ({ name: `x_${at}`, input: "x", type: "number", shape: [] }));
    const row = bodyOf(places, known?.rows[0] ?? {});
    await writeFile(path.join(folder, "row.json"), JSON.stringify(row));
    const argv = ["init", "--model", "model.onnx", "--example", "row.json", "--machine", "ops@203.0.113.7", "--json"];
    const { code, stdout, stderr } = await runDray(
      folder,
      { ...process.env, DRAY_CONFIG: path.join(folder, "config") },
      argv,
    );
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ written: ["dray.yaml", "schema.yaml", "golden.json"] });
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
