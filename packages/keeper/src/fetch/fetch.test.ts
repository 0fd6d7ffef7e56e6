import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, expect, test } from "vitest";
import { hashOfAll } from "./folder.ts";
import type { FetchJob, FetchNews } from "./job.ts";
import { runFetch } from "./run.ts";

const PART_BYTES = 1024 ** 2;
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

interface Served {
  url: string;
  sent: number;
  ranges: string[];
  /** Parts from there on get no answer; it is called when one is asked for. */
  hold?: { from: number; met: () => void };
}

/** A server of one file that cuts the line in the middle of some answers. */
async function serve(content: Buffer, { cuts = 0, ranges = true, status = 200 } = {}): Promise<Served> {
  const served: Served = { url: "", sent: 0, ranges: [] };
  let left = cuts;
  const server = http.createServer((request, response) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    if (status !== 200) return void response.writeHead(status).end();
    const part = ranges && first !== undefined ? content.subarray(Number(first), Number(last) + 1) : content;
    if (served.hold !== undefined && Number(first) >= served.hold.from) return served.hold.met();
    if (ranges && first !== undefined)
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/${content.length}`, etag: '"1"' });
    else response.writeHead(200, { "content-length": String(content.length) });
    served.ranges.push(request.headers.range ?? "");
    if (part.length > 1000 && left-- > 0) {
      const half = part.subarray(0, Math.floor(part.length / 2));
      served.sent += half.length;
      return void response.write(half, () => setTimeout(() => response.destroy(), 20));
    }
    served.sent += part.length;
    response.end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(() => new Promise((resolve) => void (server.closeAllConnections(), server.close(resolve))));
  served.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.bin`;
  return served;
}

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), "weights-"));
  ended.push(() => rm(made, { recursive: true, force: true }));
  return made;
}

async function fetched(root: string, job: Partial<FetchJob>): Promise<FetchNews> {
  const input = new PassThrough();
  input.write(`${JSON.stringify({ connections: 4, files: [], ...job })}\n`);
  const news: FetchNews[] = [];
  await runFetch(root, input, (line) => news.push(JSON.parse(line) as FetchNews));
  return news.at(-1) ?? { type: "failed", why: "gone", text: "nothing was said" };
}

test("a file comes whole by several connections although the line is cut, and is asked for no second time", async () => {
  const content = randomBytes(3 * PART_BYTES + 12_345);
  const root = await folder();
  const server = await serve(content, { cuts: 5 });
  const files = [{ path: "sub/model.bin", url: server.url, sha256: sha256(content) }];
  expect(await fetched(root, { files })).toEqual({ type: "done", came: content.length, total: content.length });
  expect(sha256(await readFile(path.join(root, "sub/model.bin")))).toBe(sha256(content));
  expect(await readdir(root)).toEqual(["sub"]);
  const asked = server.ranges.length;
  expect(await fetched(root, { files })).toEqual({ type: "done", came: 0, total: content.length });
  expect(server.ranges).toHaveLength(asked);
});

test("parts that an ended run has brought do not come again", async () => {
  const content = randomBytes(8 * PART_BYTES);
  const root = await folder();
  const input = new PassThrough();
  const server = await serve(content);
  // Nobody waits any more once three parts are there.
  server.hold = { from: 3 * PART_BYTES, met: () => void input.end() };
  const files = [{ path: "model.bin", url: server.url, sha256: sha256(content) }];
  input.write(`${JSON.stringify({ connections: 1, files })}\n`);
  const said: string[] = [];
  await runFetch(root, input, (line) => said.push(line));
  expect(said.at(-1)).toContain('"why":"gone"');
  delete server.hold;
  const came = 5 * PART_BYTES;
  expect(await fetched(root, { files })).toEqual({ type: "done", came, total: content.length });
  expect(sha256(await readFile(path.join(root, "model.bin")))).toBe(sha256(content));
});

test("other bytes than the hash names are refused, and nothing of them stays", async () => {
  const content = randomBytes(5000);
  const root = await folder();
  const server = await serve(content);
  const files = [{ path: "model.bin", url: server.url, sha256: "0".repeat(64) }];
  expect(await fetched(root, { files })).toMatchObject({ type: "failed", why: "mismatch" });
  expect(await readdir(root)).toEqual([".dray"]);
  expect(await readdir(path.join(root, ".dray"))).toEqual([]);
});

test("a folder is checked by the hash of what sha256sum prints; git's own hash counts, too", async () => {
  const [a, b] = [Buffer.from("hello\n"), Buffer.from("")];
  const root = await folder();
  const files = [
    { path: "b.txt", url: (await serve(b)).url, sha256: sha256(b) },
    // As `git hash-object` prints it.
    { path: "a.txt", url: (await serve(a)).url, gitBlob: "ce013625030ba8dba906f756967f9e9ca394464a" },
  ];
  const lines = `${sha256(a)}  a.txt\n${sha256(b)}  b.txt\n`;
  expect(hashOfAll(files.map((each, index) => ({ ...each, sha256: sha256(index === 0 ? b : a) })))).toBe(
    sha256(Buffer.from(lines)),
  );
  expect(await fetched(root, { files, sha256: sha256(Buffer.from(lines)) })).toMatchObject({ type: "done" });
  expect(await fetched(root, { files, sha256: "1".repeat(64) })).toMatchObject({ type: "failed", why: "mismatch" });
});

test("a server that gives no parts, one that refuses, and none at all", async () => {
  const content = randomBytes(100_000);
  const without = { path: "model.bin", url: (await serve(content, { ranges: false })).url, sha256: sha256(content) };
  expect(await fetched(await folder(), { files: [without] })).toMatchObject({ type: "done", came: 100_000 });
  const refuses = { path: "model.bin", url: (await serve(content, { status: 403 })).url };
  expect(await fetched(await folder(), { files: [refuses] })).toMatchObject({ type: "failed", why: "refused" });
  const closed = await serve(content);
  await ended.pop()?.();
  const nowhere = { path: "model.bin", url: closed.url };
  expect(await fetched(await folder(), { files: [nowhere] })).toMatchObject({ type: "failed", why: "unreachable" });
});

test("a path that leads out of the folder is refused", async () => {
  const { url } = await serve(Buffer.from("x"));
  const files = [{ path: "../outside", url }];
  expect(await fetched(await folder(), { files })).toMatchObject({ type: "failed", why: "missing" });
});

test("bytes that come by standard input go on where the last run ended", async () => {
  const content = randomBytes(2 * PART_BYTES + 99);
  const root = await folder();
  const files = [{ path: "model.bin", bytes: content.length, sha256: sha256(content) }];
  const run = async (most: number): Promise<FetchNews[]> => {
    const input = new PassThrough();
    input.write(`${JSON.stringify({ connections: 1, files })}\n`);
    const news: FetchNews[] = [];
    await runFetch(root, input, (line) => {
      const said = JSON.parse(line) as FetchNews;
      news.push(said);
      if (said.type !== "need") return;
      input.write(`${JSON.stringify({ bytes: content.length - said.from })}\n`);
      input.end(content.subarray(said.from, said.from + most));
    });
    return news;
  };
  expect((await run(PART_BYTES + 5)).at(-1)).toMatchObject({ type: "failed", why: "gone" });
  const second = await run(content.length);
  expect(second).toContainEqual({ type: "need", path: "model.bin", from: PART_BYTES });
  expect(second.at(-1)).toMatchObject({ type: "done", came: content.length - PART_BYTES });
});
