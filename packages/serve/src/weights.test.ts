import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { checkWeights, digestOf } from "./model/weights.ts";
import { inspect } from "./inspect.ts";
import { readSettings } from "./settings.ts";
import { start } from "./start.ts";

const FIXTURE = fileURLToPath(new URL("../../../test/fixtures/models/made-external-weights", import.meta.url));
const folders: string[] = [];

function copy(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "dray-weights-"));
  folders.push(folder);
  cpSync(FIXTURE, path.join(folder, "model"), { recursive: true });
  return path.join(folder, "model");
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("a link inside the model's folder is followed, one out of it is refused", async () => {
  const folder = copy();
  const data = path.join(folder, "model.onnx.data");
  mkdirSync(path.join(folder, "weights"));
  renameSync(data, path.join(folder, "weights", "real"));
  symlinkSync(path.join("weights", "real"), data);
  await expect(checkWeights(["model.onnx.data"], folder)).resolves.toBeUndefined();
  renameSync(path.join(folder, "weights", "real"), path.join(folder, "..", "real"));
  rmSync(data);
  symlinkSync(path.join("..", "real"), data);
  await expect(checkWeights(["model.onnx.data"], folder)).rejects.toThrow(
    "is a link out of its folder; put all into one",
  );
});

test.each(["../model/model.onnx.data", "/etc/passwd", "", "../model-beside/x"])(
  "%j is no place for weights",
  async (name) => {
    await expect(checkWeights([name], copy())).rejects.toThrow("which is outside its folder");
  },
);

test("the digest is of the weights, too", async () => {
  const folder = copy();
  const file = readFileSync(path.join(folder, "model.onnx"));
  const before = await digestOf(file, ["model.onnx.data"], folder);
  expect(await digestOf(file, ["model.onnx.data"], copy())).toBe(before);
  writeFileSync(path.join(folder, "model.onnx.data"), Buffer.alloc(64));
  expect(await digestOf(file, ["model.onnx.data"], folder)).not.toBe(before);
});

test("a model is as large as its file and its weights together", async () => {
  const folder = copy();
  const argv = ["--model", path.join(folder, "model.onnx"), "--log", "silent"];
  const { bytes } = await inspect(readSettings(argv, {}, () => ""));
  const files = ["model.onnx", "model.onnx.data"].map((name) => readFileSync(path.join(folder, name)).byteLength);
  expect(bytes).toBe((files[0] ?? 0) + (files[1] ?? 0));
});

test("a change of the weights alone is loaded where files are watched", async () => {
  const folder = copy();
  const flags = ["--model", path.join(folder, "model.onnx"), "--watch", "--host", "127.0.0.1", "--port", "0"];
  const running = await start(readSettings([...flags, "--workers", "1", "--log", "silent"], {}, () => ""));
  const row = JSON.stringify(Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`x_${index}`, 1])));
  const ask = async (): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    return await (await fetch(`${running.address}/decisions`, { method: "POST", headers, body: row })).json();
  };
  expect(await ask()).not.toEqual({ outputs: { y: [0, 0] } });
  writeFileSync(path.join(folder, "model.onnx.data"), Buffer.alloc(64));
  await vi.waitFor(async () => expect(await ask()).toEqual({ outputs: { y: [0, 0] } }), { timeout: 20_000 });
  await running.close();
});
