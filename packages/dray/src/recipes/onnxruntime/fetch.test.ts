import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { News } from "../../core/happening.ts";
import { fetchRuntime, type RuntimeSource } from "./fetch.ts";
import { COMMON, type LockedPackage, ONNXRUNTIME } from "./lock.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-onnxruntime-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const said: News[] = [];
const context = {
  signal: new AbortController().signal,
  emit: (news: News) => void said.push(news),
  secrets: new Map(),
};

/** A package as npm packs it. */
async function archive(files: readonly string[]): Promise<Buffer> {
  const tar = pack();
  for (const name of files) tar.entry({ name: `package/${name}` }, name);
  tar.finalize();
  return gzipSync(await buffer(tar));
}

const locked = (name: string, bytes: Buffer): LockedPackage => ({
  name,
  version: "1.0.0",
  integrity: `sha512-${createHash("sha512").update(bytes).digest("base64")}`,
});

const NATIVE = ["linux/x64/a.node", "linux/arm64/a.node", "win32/x64/a.dll"].map((file) => `bin/napi-v6/${file}`);

/** A registry that has both packages, and counts how often it was asked. */
async function registry(): Promise<RuntimeSource & { asked: string[] }> {
  const main = await archive(["package.json", "dist/index.js", "../../escaped.js", "script/install.js", ...NATIVE]);
  const common = await archive(["package.json", "dist/index.js"]);
  const asked: string[] = [];
  return {
    folder: path.join(folder, "onnxruntime"),
    packages: [locked("main", main), locked("common", common)],
    asked,
    open: async (name) => {
      asked.push(name);
      const bytes = name === "main" ? main : common;
      return await Promise.resolve({
        bytes: Readable.from([bytes]),
        size: bytes.length,
        [Symbol.asyncDispose]: async () => await Promise.resolve(),
      });
    },
  };
}

const filesIn = async (at: string): Promise<string[]> =>
  (await readdir(at, { recursive: true, withFileTypes: true }))
    .filter((each) => each.isFile())
    .map((each) => path.relative(at, path.join(each.parentPath, each.name)))
    .toSorted();

test("only the files of this system are kept, and the download is told", async () => {
  const source = await registry();
  const { onnxruntime, common } = await fetchRuntime(["linux/x64"], context, source);
  expect(await filesIn(onnxruntime)).toEqual(["bin/napi-v6/linux/x64/a.node", "dist/index.js", "package.json"]);
  expect(existsSync(path.join(common, "dist/index.js"))).toBe(true);
  expect(said.some((each) => each.type === "step.progress")).toBe(true);
  expect(await readdir(source.folder)).toEqual(["node_modules"]);
  expect(await filesIn(folder)).not.toContain("escaped.js");
});

test("it is fetched once, and again for another system only", async () => {
  const source = await registry();
  await fetchRuntime(["linux/x64"], context, source);
  await fetchRuntime(["linux/x64"], context, source);
  expect(source.asked).toEqual(["common", "main"]);
  const { onnxruntime } = await fetchRuntime(["linux/x64", "linux/arm64"], context, source);
  expect(source.asked).toEqual(["common", "main", "main"]);
  expect(await readdir(path.join(onnxruntime, "bin/napi-v6/linux"))).toEqual(["arm64", "x64"]);
});

test("other bytes than the lock names are not used", async () => {
  const source = await registry();
  const [main, common] = source.packages;
  const changed: RuntimeSource = { ...source, packages: [{ ...main, integrity: "sha512-other" }, common] };
  await expect(fetchRuntime(["linux/x64"], context, changed)).rejects.toMatchObject({
    code: "image.no-parts",
    message: "main 1.0.0 arrived with other bytes than the lock names",
  });
  expect(await filesIn(source.folder)).toEqual([
    "node_modules/common/dist/index.js",
    "node_modules/common/package.json",
  ]);
});

test("a connection that ends in the middle, and no way out, are each one sentence with what to do", async () => {
  const source = await registry();
  const cut: RuntimeSource = {
    ...source,
    open: async (...about) => {
      const whole = await source.open(...about);
      return { ...whole, bytes: Readable.from([(await buffer(whole.bytes)).subarray(0, 40)]) };
    },
  };
  await expect(fetchRuntime(["linux/x64"], context, cut)).rejects.toMatchObject({ code: "image.no-parts" });
  const offline: RuntimeSource = {
    ...source,
    open: async () => await Promise.reject(new Error("fetch failed", { cause: new Error("getaddrinfo ENOTFOUND x") })),
  };
  await expect(fetchRuntime(["linux/x64"], context, offline)).rejects.toMatchObject({
    code: "image.no-parts",
    message: "common 1.0.0 cannot be fetched: getaddrinfo ENOTFOUND x",
    hint: expect.stringContaining("npm install -g onnxruntime-node@"),
  });
});

test("a system that onnxruntime is not made for is named", async () => {
  await expect(fetchRuntime(["plan9/x64"], context, await registry())).rejects.toMatchObject({
    code: "image.no-base",
    message: "onnxruntime is not made for plan9/x64",
  });
});

test("the lock is what package-lock.json has", async () => {
  const file = new URL("../../../../../package-lock.json", import.meta.url);
  const { packages } = JSON.parse(await readFile(file, "utf8")) as { packages: Record<string, LockedPackage> };
  for (const { name, version, integrity } of [ONNXRUNTIME, COMMON])
    expect(packages[`node_modules/${name}`]).toMatchObject({ version, integrity });
});
