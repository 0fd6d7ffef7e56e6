import { readFileSync } from "node:fs";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Decided, Service } from "../service.ts";
import { load, type Running } from "../start.ts";
import { makeMeters } from "../http/metrics.ts";
import { Refusal } from "../refusal.ts";
import { RunWatch } from "../run-watch.ts";
import { readSettings } from "../settings.ts";
import { example, LOANS, startTest } from "../testing.ts";
import { said } from "./conversations.ts";

// How connections that are read past node:http begin, wait and end.

const { rows } = JSON.parse(readFileSync(example("expected.json"), "utf8")) as { rows: object[] };
const good = said({ body: JSON.stringify(rows[0]) });
const open: Running[] = [];
afterEach(async () => {
  for (const running of open.splice(0)) await running.close();
});

async function started(): Promise<Running> {
  const running = await startTest(LOANS);
  open.push(running);
  return running;
}

interface Client {
  socket: Socket;
  text: () => string;
  /** Waits until so many answers are here. */
  answers(count: number): Promise<void>;
  ended: Promise<unknown>;
}

function client(running: Running): Client {
  const { hostname, port } = new URL(running.address);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1"))).on("error", () => undefined);
  const answers = async (count: number): Promise<void> => {
    while ((text.match(/HTTP\/1\.1 /g)?.length ?? 0) < count) await once(socket, "data");
  };
  return { socket, text: () => text, answers, ended: Promise.race([once(socket, "end"), once(socket, "close")]) };
}

/** A service whose model answers when the test says so. */
async function held(running: Running): Promise<{ service: Service; asked: Decided[] }> {
  const argv = ["--model", LOANS.model, "--schema", LOANS.schema, "--golden", LOANS.golden];
  const settings = readSettings(argv, {}, (file) => readFileSync(file, "utf8"));
  const real = await load(settings, makeMeters("loans", "r1"), new RunWatch());
  const asked: Decided[] = [];
  const service: Service = { ...real, decideThen: (_rows, _gone, done) => void asked.push(done) };
  running.serve(service);
  return { service, asked };
}

const until = async (happened: () => boolean): Promise<void> => {
  while (!happened()) await new Promise((resolve) => setTimeout(resolve, 5));
};

test("a server that closes ends the connections that wait for nothing", async () => {
  const running = await started();
  const one = client(running);
  one.socket.write(good);
  await one.answers(1);
  await running.close();
  await one.ended;
  expect(one.text()).toContain("keep-alive");
});

test("what is being asked when the server closes is answered, and the next answer says that it was the last", async () => {
  const running = await started();
  const { asked } = await held(running);
  const one = client(running);
  one.socket.write(good);
  await until(() => asked.length === 1);
  const closed = running.close();
  await until(() => !running.app.server.listening);
  asked[0]?.(undefined, [{ score: 1 }]);
  await one.answers(1);
  one.socket.write(good);
  await until(() => asked.length === 2);
  asked[1]?.(undefined, [{ score: 2 }]);
  await closed;
  await one.ended;
  const [first, second] = one.text().split(/(?=HTTP)/);
  expect([first, second]).toEqual([expect.stringMatching(/keep-alive/), expect.stringMatching(/connection: close/i)]);
});

test("a part of a request is handed to node:http after a second, and the rest of it is answered there", async () => {
  const running = await started();
  const one = client(running);
  one.socket.write(good.slice(0, 80));
  const counted = await new Promise((resolve) => {
    running.app.server.once("request", resolve);
    setTimeout(() => one.socket.write(good.slice(80)), 2500);
  });
  expect(counted).toBeDefined();
  await one.answers(1);
  expect(one.text()).toContain("200 OK");
  one.socket.destroy();
});

test.each<[string, string, string]>([
  ["with nothing", "", ""],
  ["in the middle of a request", good.slice(0, 80), "HTTP/1.1 400 Bad Request"],
])("who ends its side %s hears what node:http says", async (_name, sent, heard) => {
  const one = client(await started());
  await once(one.socket, "connect");
  one.socket.end(sent);
  await one.ended;
  expect(one.text().split("\r\n")[0]).toBe(heard);
});

test("who is gone before the answer is counted, and nothing breaks", async () => {
  const running = await started();
  const { asked } = await held(running);
  const one = client(running);
  one.socket.write(good);
  await until(() => asked.length === 1);
  one.socket.resetAndDestroy();
  await until(() => one.socket.destroyed);
  await new Promise((resolve) => setTimeout(resolve, 50));
  asked[0]?.(new Refusal(499, "the client went away"), []);
  const text = await (await fetch(`${running.address}/metrics`)).text();
  expect(text).toMatch(/route="\/decisions",code="499"[^}]*\} 1/);
});

test("an answer that is no decision is told by the other way, and is not asked for again", async () => {
  const running = await started();
  const { asked } = await held(running);
  const one = client(running);
  one.socket.write(good + good);
  await until(() => asked.length === 1);
  asked[0]?.(new Refusal(504, "no answer within 60 s: it was still waiting"), []);
  await one.answers(1);
  expect(one.text()).toContain("HTTP/1.1 504 Gateway Timeout");
  await until(() => asked.length === 2);
  asked[1]?.(undefined, [{ score: 1 }]);
  await one.answers(2);
  expect(asked).toHaveLength(2);
  one.socket.destroy();
});

test("who does not read its answers is not read either", async () => {
  const running = await started();
  const { asked } = await held(running);
  const one = client(running);
  one.socket.pause();
  // More than a connection has room for.
  const large = [{ label: "a".repeat(30_000_000) }];
  one.socket.write(good + good);
  await until(() => asked.length === 1);
  asked[0]?.(undefined, large);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(asked).toHaveLength(1);
  one.socket.resume();
  await until(() => asked.length === 2);
  one.socket.destroy();
});
