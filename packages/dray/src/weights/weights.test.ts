import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseManifest } from "../yaml/load.ts";
import { here } from "./here.ts";
import { https } from "./https.ts";

const { signal } = new AbortController();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "weights-"));
  vi.stubEnv("DRAY_CACHE", folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

const manifest = (weights: string): unknown =>
  parseManifest(
    `service: decisions\nmachine: vm\nimage: api:1\nweights: {qwen: {at: /models, ${weights}}}\n`,
    "dray.yaml",
  );

test("the same file has one name, wherever it comes from; nothing that lets in is in a record", async () => {
  await writeFile(path.join(folder, "model.gguf"), "weights");
  const found = await here.pin({ name: "qwen", from: "./model.gguf", folder }, signal);
  const asked = { name: "qwen", from: "https://x.example/a/model.gguf?key=secret", sha256: sha256("weights"), folder };
  const there = await https.pin(asked, signal);
  expect(there.id).toBe(found.id);
  expect(there.from).toBe("https://x.example/a/model.gguf");
  const [file] = await found.open(signal);
  expect(file).toMatchObject({ path: "model.gguf", bytes: 7, sha256: sha256("weights") });
});

test("a folder here is told by what sha256sum prints; a hash that it has not is refused, as is what is not there", async () => {
  await mkdir(path.join(folder, "m/sub"), { recursive: true });
  await writeFile(path.join(folder, "m/b"), "b");
  await writeFile(path.join(folder, "m/sub/a"), "a");
  const lines = `${sha256("b")}  b\n${sha256("a")}  sub/a\n`;
  const asked = { name: "m", from: "m", folder };
  expect((await here.pin(asked, signal)).id).toBe(sha256(lines));
  expect((await here.pin({ ...asked, sha256: sha256(lines) }, signal)).id).toBe(sha256(lines));
  await expect(here.pin({ ...asked, sha256: "0".repeat(64) }, signal)).rejects.toMatchObject({
    code: "weights.mismatch",
  });
  await expect(here.pin({ ...asked, from: "none" }, signal)).rejects.toMatchObject({ code: "weights.missing" });
});

test.each([
  ['from: "https://x.example/a"', "name the file's sha256"],
  [`from: "https://me:pw@x.example/a", sha256: ${"f".repeat(64)}`, "a login does not belong in a URL"],
  [`from: "http://x.example/a", sha256: ${"f".repeat(64)}, token: {env: T}`, "a token goes with https and hf only"],
  ['from: "ftp://x.example/a"', "not ftp://"],
  ["from: ./a, sha256: abc", "expected a SHA-256"],
])("%s is refused: %s", (weights, words) => {
  expect(() => manifest(weights)).toThrow(words);
});
