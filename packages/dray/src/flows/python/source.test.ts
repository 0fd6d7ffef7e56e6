import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { requirementsOf } from "./environment.ts";
import { needsOf } from "./imports.ts";
import { functionSource, modelSource } from "./source.ts";

const FIXTURES = fileURLToPath(new URL("../../../../../test/fixtures/python", import.meta.url));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-python-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const write = async (name: string, content: string | Buffer): Promise<void> =>
  await writeFile(path.join(folder, name), content);

/** As torch writes it: pickle's second protocol, in a ZIP file that is not packed. */
const pickled = (...named: string[]): Buffer =>
  Buffer.from(
    `PK\x03\x04archive/data.pkl\x80\x02${named.map((each) => `c${each.replace(" ", "\n")}\nq\x00`).join("")}`,
    "latin1",
  );

test.each(["model.joblib", "packed.joblib"])("%s is not opened, and what it needs is known", async (file) => {
  const { template, exporter, modules, pins, notes } = await modelSource(FIXTURES, file);
  // It has a transformer of its makers' own, which no exporter knows.
  expect([template, exporter]).toEqual(["sklearn", undefined]);
  expect(modules).toEqual(
    expect.arrayContaining(["joblib", "ratios", "sklearn.pipeline", "sklearn.linear_model._logistic"]),
  );
  expect(pins).toEqual({ "scikit-learn": "1.7.2" });
  expect(notes[0]).toContain("is a pickle: opening it runs the code that is in it");
});

test("a pickle that wants a class of the script that made it is refused, with its name", async () => {
  await expect(modelSource(FIXTURES, "main.pkl")).rejects.toThrow(
    "main.pkl wants Ratio of the script that made it, which no other program has",
  );
});

test("of torch's files, modules and scripts are told from weights alone", async () => {
  await write(
    "net.pt",
    pickled("net Net", "__builtin__ set", "torch.nn.modules.linear Linear", "collections OrderedDict"),
  );
  await write("script.pt", pickled("__torch__ Net"));
  await write("weights.pt", pickled("collections OrderedDict", "torch._utils _rebuild_tensor_v2"));
  expect((await modelSource(folder, "net.pt")).modules).toEqual(["torch", "net"]);
  expect((await modelSource(folder, "net.pt")).template).toBe("torch");
  expect(await modelSource(folder, "script.pt")).toMatchObject({
    template: "torchscript",
    modules: ["torch"],
    notes: [],
  });
  await expect(modelSource(folder, "weights.pt")).rejects.toThrow("weights.pt has weights alone");
});

test("files of CatBoost and XGBoost are no pickles", async () => {
  await write("a.cbm", "CBM1");
  await write("b.json", "{}");
  expect(await modelSource(folder, "a.cbm")).toMatchObject({ template: "catboost", notes: [] });
  expect(await modelSource(folder, "b.json")).toMatchObject({ template: "xgboost", notes: [] });
  await expect(modelSource(folder, "c.cbm")).rejects.toMatchObject({ code: "image.no-model" });
});

test("a function is named by its module", async () => {
  await write("predict.py", "");
  expect(functionSource(folder, "predict:decide").asked).toBe("predict:decide");
  expect(() => functionSource(folder, "predict.decide")).toThrow("is no module:function");
  expect(() => functionSource(folder, "other:decide")).toThrow("there is no other.py");
});

test("imports are followed through the folder's own files to what comes from elsewhere", async () => {
  await write("predict.py", "import json, numpy as np\nfrom features import ratio\n# import nothing\n");
  await write("features.py", "from sklearn.base import BaseEstimator\ndef f():\n    import scipy.stats\n");
  expect(await needsOf(folder, ["predict"])).toEqual({
    local: ["features.py", "predict.py"],
    modules: ["json", "numpy", "scipy", "sklearn"],
  });
});

test("a version that nobody knows is asked for; the model's own word comes before what is installed", () => {
  const found = {
    python: "3.12",
    pins: { "scikit-learn": "1.8.0", torch: "2.9.0+cpu", "nvidia-nccl-cu12": "2" },
    unknown: [],
  };
  expect(requirementsOf(found, ["sklearn"], { "scikit-learn": "1.7.2" })).toEqual([
    "scikit-learn==1.7.2",
    "torch==2.9.0",
  ]);
  expect(() => requirementsOf({ ...found, unknown: ["lightgbm"] }, ["lightgbm"], {})).toThrow(
    "lightgbm is needed, and is not installed here",
  );
  expect(requirementsOf(undefined, ["sklearn"], { "scikit-learn": "1.7.2" })).toEqual(["scikit-learn==1.7.2"]);
});
