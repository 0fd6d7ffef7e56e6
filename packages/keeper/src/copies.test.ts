import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { takeCopies } from "./copies.ts";
import { Faults } from "./faults.ts";
import { Requests } from "./requests.ts";
import type { Copy } from "./shadow/copy.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const datagram = (body: string): string =>
  ["copy", "loans", "1", "1", "r1.1", "id-1", "POST", "200", "12", base64("/d"), "-", base64(body), base64("{}")].join(
    " ",
  );
const deep = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

test("a body nested without end, a taker that fails and half a datagram end nothing; the next copy is taken", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-copies-"));
  const faults = new Faults(() => undefined);
  const requests = new Requests(home);
  requests.want(new Map([["loans", { mask: ["income"], maxBytes: 1_000_000 }]]));
  const taken: Copy[] = [];
  const takers = [
    {
      name: "a bad one",
      take: () => {
        throw new RangeError("too deep");
      },
    },
    { name: "requests", take: requests.take.bind(requests) },
    { name: "a good one", take: (copy: Copy) => void taken.push(copy) },
  ];
  const copies = await takeCopies(takers, faults, 0);
  const sender = createSocket("udp4");
  try {
    const { port } = copies.address();
    const send = (text: string): Promise<void> =>
      new Promise((resolve) => sender.send(text, port, "127.0.0.1", () => resolve()));
    for (const body of [deep(3000), deep(20_000), '{"income": 5}']) await send(datagram(body));
    await expect.poll(() => taken.length).toBe(3);
    expect(faults.recent()).toEqual(Array.from({ length: 3 }, () => "a bad one: too deep"));
    await send("copy loans 1 1");
    await send(datagram('{"last": 1}'));
    await expect.poll(() => taken.length).toBe(4);
    await requests.flush();
    const kept = (await readFile(path.join(home, "requests", "loans.jsonl"), "utf8")).trim().split("\n");
    expect(kept.map((line) => (JSON.parse(line) as { request: unknown }).request)).toEqual([
      "6000 bytes",
      "40000 bytes",
      { income: "[masked]" },
      { last: 1 },
    ]);
  } finally {
    sender.close();
    copies.close();
    await rm(home, { recursive: true });
  }
});
