import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { ContentStore } from "../../oci/content-store.ts";
import type { Context } from "../../core/context.ts";
import type { News } from "../../core/happening.ts";
import { ARCHIVE, fetchSet } from "./archive.ts";
import { readDeb } from "./deb.ts";
import { findInIndex } from "./index-file.ts";
import { PROXY_PACKAGES, LIBRARIES, NODE } from "./lock.ts";
import type { LockedSet } from "./locked.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-debian-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllGlobals());

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const file = (version: string, content: string): LockedSet["amd64"][string] => ({
  version,
  path: `pool/hello_${version}_amd64.deb`,
  sha256: hash(content),
  size: content.length,
});
const SET: LockedSet = { suite: "forky", amd64: { hello: file("1.0-1", "old bytes") }, arm64: {} };

/** An archive that answers from a table; what is not in it is 404. */
function archive(files: Record<string, string>): string[] {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    await Promise.resolve();
    const name = url.slice(ARCHIVE.length + 1);
    asked.push(name);
    const body = files[name];
    return body === undefined ? new Response("", { status: 404 }) : new Response(Buffer.from(body, "latin1"));
  });
  return asked;
}

async function fetching(name: string): Promise<{ news: News[]; fetched: ReturnType<typeof fetchSet> }> {
  const store = new ContentStore(path.join(folder, name));
  await store.open();
  const news: News[] = [];
  const context: Context = {
    signal: new AbortController().signal,
    emit: (each) => void news.push(each),
    secrets: new Map(),
  };
  return { news, fetched: fetchSet(SET, "amd64", store, context) };
}

test("a package comes as the lock names it, and is asked for once", async () => {
  const asked = archive({ "pool/hello_1.0-1_amd64.deb": "old bytes" });
  expect((await (await fetching("once")).fetched)[0]?.bytes.toString()).toBe("old bytes");
  expect((await (await fetching("once")).fetched)[0]?.file.version).toBe("1.0-1");
  expect(asked).toHaveLength(1);
});

test("other bytes than those that the lock names are refused", async () => {
  archive({ "pool/hello_1.0-1_amd64.deb": "new bytes" });
  await expect((await fetching("lying")).fetched).rejects.toMatchObject({
    code: "image.no-parts",
    message: expect.stringContaining("other bytes"),
  });
});

test("a package that has left the archive is replaced by the suite's newest, and that is said", async () => {
  const { gzipSync } = await import("node:zlib");
  const newest = file("1.0-2", "newest");
  const index = `Package: hello\nVersion: 1.0-2\nFilename: ${newest.path}\nSize: 6\nSHA256: ${newest.sha256}\n`;
  archive({
    [newest.path]: "newest",
    "dists/forky/main/binary-amd64/Packages.gz": gzipSync(index).toString("latin1"),
  });
  const { news, fetched } = await fetching("gone");
  expect((await fetched)[0]?.file).toEqual(newest);
  expect(news).toEqual([
    { type: "warning", text: expect.stringMatching(/no longer has the hello .* the newest of forky was taken/) },
  ]);
});

test("an archive that cannot be reached is an error with a way on", async () => {
  vi.stubGlobal("fetch", async () => await Promise.reject(new TypeError("fetch failed")));
  await expect((await fetching("offline")).fetched).rejects.toMatchObject({
    code: "image.no-parts",
    hint: expect.stringContaining("DRAY_DEBIAN_ARCHIVE"),
  });
});

test("an index is read by whole paragraphs: a name that begins like another is not the other", () => {
  const index = [
    "Package: libc6-dev\nVersion: 1\nFilename: a\nSize: 1\nSHA256: aa",
    "Package: libc6\nVersion: 2\nFilename: b\nSize: 2\nSHA256: bb",
  ].join("\n\n");
  expect(findInIndex(index, "libc6")).toEqual({ version: "2", path: "b", size: 2, sha256: "bb" });
  expect(findInIndex(index, "libc")).toBeUndefined();
});

test("what is no Debian package is refused", async () => {
  await expect(readDeb(Buffer.from("PK\u0003\u0004"))).rejects.toThrow("not an ar archive");
  await expect(readDeb(Buffer.from("!<arch>\n"))).rejects.toThrow("control.tar.xz");
});

test("the lock names the same parts for both processors, each by a whole hash", () => {
  for (const set of [PROXY_PACKAGES, LIBRARIES]) {
    expect(Object.keys(set.amd64)).toEqual(Object.keys(set.arm64));
    for (const each of [...Object.values(set.amd64), ...Object.values(set.arm64)]) {
      expect(each.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(each.path).toMatch(/^pool\/main\/.*\.deb$/);
    }
  }
  for (const each of [NODE.amd64, NODE.arm64]) expect(each.integrity).toMatch(/^sha512-/);
});
