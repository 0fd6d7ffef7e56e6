// The way of weights to a machine, over an engine that runs the keeper's program in this process.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Failure } from "../packages/dray/src/base/failure.ts";
import { Engine } from "../packages/dray/src/machine/engine.ts";
import type { Machine } from "../packages/dray/src/machine/machine.ts";
import { type FetchRun, runFetcher } from "../packages/dray/src/targets/machines/image/fetch-container.ts";
import { runFetch } from "../packages/keeper/src/fetch/run.ts";

/** Docker's frame around what a program prints. */
function framed(text: string): Buffer {
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

interface Stand {
  machine: Machine;
  folder: string;
  /** What the engine was told of the container, as it would keep it. */
  kept: string[];
}

async function stand(): Promise<Stand> {
  const folder = await mkdtemp(path.join(tmpdir(), "fetcher-"));
  const kept: string[] = [];
  const server = http.createServer((request, response) => {
    request.on("data", (chunk) => kept.push(String(chunk)));
    request.once("end", () => response.writeHead(request.method === "DELETE" ? 204 : 201).end("{}"));
  });
  server.on("upgrade", (_request, socket: Socket) => {
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    void runFetch(folder, socket, (line) => socket.write(framed(line))).then(() => socket.destroySoon());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const engine = new Engine(() => Promise.resolve(connect(port, "127.0.0.1")));
  onTestFinished(async () => {
    engine.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return { machine: { name: "vm", engine } as Machine, folder, kept };
}

const context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map<string, never>() };
const runOn = ({ machine }: Stand, more: Partial<FetchRun>): FetchRun => ({
  machine,
  image: "dray/keeper:1",
  id: "a".repeat(64),
  job: { files: [], connections: 2 },
  onProgress: () => undefined,
  ...more,
});

test("bytes that are sent arrive, and nothing of the job is in what the engine keeps", async () => {
  const there = await stand();
  const content = randomBytes(5_000_000);
  const job = { connections: 1, files: [{ path: "model.bin", bytes: content.length }] };
  const news = await runFetcher(
    runOn(there, {
      job,
      onNeed: async ({ from }, stream) => {
        stream.write(`${JSON.stringify({ bytes: content.length - from })}\n`);
        if (!stream.write(content.subarray(from))) await once(stream, "drain");
      },
    }),
    context,
  );
  expect(news).toMatchObject({ came: content.length });
  expect((await readFile(path.join(there.folder, "model.bin"))).equals(content)).toBe(true);
  expect(there.kept.join("")).toContain('"Cmd":["fetch"]');
  expect(there.kept.join("")).not.toContain("model.bin");
});

test("a source that fails here while bytes are sent ends it with the source's own words", async () => {
  const there = await stand();
  const job = { connections: 1, files: [{ path: "model.bin", bytes: 1000 }] };
  const refused = new Failure("weights.refused", "not for you");
  const run = runOn(there, { job, onNeed: async () => await Promise.reject(refused) });
  await expect(runFetcher(run, context)).rejects.toBe(refused);
});

test("what the program refuses is said in words, and an end of the session ends the wait", async () => {
  const there = await stand();
  const job = { connections: 1, files: [{ path: "../outside", bytes: 1 }] };
  await expect(runFetcher(runOn(there, { job }), context)).rejects.toMatchObject({ code: "weights.missing" });
  const stop = new AbortController();
  const waits = { connections: 1, files: [{ path: "model.bin", bytes: 1000 }] };
  const onNeed = async (): Promise<void> => await Promise.resolve(stop.abort());
  await expect(
    runFetcher(runOn(await stand(), { job: waits, onNeed }), { ...context, signal: stop.signal }),
  ).rejects.toThrow(/abort/i);
});
