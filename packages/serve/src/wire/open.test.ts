import { readFileSync } from "node:fs";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../start.ts";
import { example, LOANS, postJson, startTest } from "../testing.ts";
import { conversations, said } from "./conversations.ts";
import { dice, pieces } from "./mutants.ts";

const { rows } = JSON.parse(readFileSync(example("expected.json"), "utf8")) as { rows: object[] };
const good = said({ body: JSON.stringify(rows[0]) });

let fast: Running;
let standard: Running;
beforeAll(async () => {
  fast = await startTest(LOANS);
  standard = await startTest({ ...LOANS, wire: "standard" });
});
afterAll(async () => {
  await fast.close();
  await standard.close();
});

function open(to: Running): Socket & { said: () => string } {
  const { hostname, port } = new URL(to.address);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true, allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1"))).on("error", () => undefined);
  return Object.assign(socket, { said: () => text });
}

/** All that comes back until the server closes. */
async function tell(to: Running, parts: readonly Buffer[]): Promise<string> {
  const socket = open(to);
  const ended = Promise.race([once(socket, "end"), once(socket, "close")]);
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await ended;
  socket.destroy();
  return plain(socket.said());
}

/** Without what differs from one request to the next: the time, and ids. */
function plain(text: string): string {
  return text.replaceAll(/^Date: .*$/gm, "Date:").replaceAll(/[\da-z]{8,}-[\da-z]+(?=\r|")/g, "ID");
}

/** How many requests come to node:http while this runs. */
async function slowly(run: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const seen = (): void => void count++;
  subscribe("http.server.request.start", seen);
  await run();
  unsubscribe("http.server.request.start", seen);
  return count;
}

const roll = dice(7);

test.each(conversations(rows))("%s: the same bytes come back, however the request is cut", async (_name, text) => {
  const bytes = Buffer.from(text, "latin1");
  const wanted = await tell(standard, [bytes]);
  expect(wanted).toMatch(/^HTTP\/1\.1 \d/);
  for (const parts of [[bytes], pieces(bytes, roll), pieces(bytes, roll)]) expect(await tell(fast, parts)).toBe(wanted);
});

test("a row that comes in single bytes is answered, and not by node:http", async () => {
  const bytes = [...Buffer.from(good + good, "latin1")].map((byte) => Buffer.of(byte));
  const bye = Buffer.from("GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  let answers = "";
  expect(await slowly(async () => (answers = await tell(fast, [...bytes, bye])))).toBe(1);
  expect(answers.match(/"label":"approve"/g)).toHaveLength(2);
});

test("rows are read without node:http, and with it where the settings say so", async () => {
  const body = rows[0];
  expect(await slowly(async () => await postJson(`${fast.address}/decisions`, body, {}))).toBeLessThanOrEqual(1);
  const socket = open(fast);
  expect(await slowly(async () => await answered(socket, good + good, 2))).toBe(0);
  socket.destroy();
  const other = open(standard);
  expect(await slowly(async () => await answered(other, good + good, 2))).toBe(2);
  other.destroy();
});

/** Sends, and waits until so many answers are here. */
async function answered(socket: Socket & { said: () => string }, text: string, count: number): Promise<void> {
  const before = countOf(socket);
  socket.write(Buffer.from(text, "latin1"));
  while (countOf(socket) < before + count) await once(socket, "data");
}
const countOf = (socket: { said: () => string }): number => socket.said().match(/HTTP\/1\.1 /g)?.length ?? 0;

test("both ways count the same answers", async () => {
  const counts = async ({ address }: Running): Promise<string[]> => {
    const text = await (await fetch(`${address}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith('dray_requests_total{route="/decisions"'));
  };
  const before = [await counts(fast), await counts(standard)];
  for (const running of [fast, standard]) {
    const wrong = said({ body: "7" });
    const gone = open(running);
    await answered(gone, good + good + wrong + good, 4);
    gone.destroy();
  }
  const [more, same] = [await counts(fast), await counts(standard)];
  expect(differences(before[0], more)).toEqual(differences(before[1], same));
  expect(differences(before[0], more)).toEqual({ 200: 3, 422: 1 });
});

/** How much each code's count grew. */
function differences(before: readonly string[] = [], after: readonly string[]): Record<string, number> {
  const read = (lines: readonly string[]): [string, number][] =>
    lines.map((line) => [/code="(\d+)"/.exec(line)?.[1] ?? "", Number(line.split(" ").at(-1))]);
  const old = new Map(read(before));
  return Object.fromEntries(
    read(after)
      .map(([code, count]): [string, number] => [code, count - (old.get(code) ?? 0)])
      .filter(([, count]) => count > 0),
  );
}
