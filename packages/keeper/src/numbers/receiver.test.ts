import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Faults } from "../faults.ts";
import type { Access } from "drayage-record";
import { LogFile } from "./log-file.ts";
import { receive } from "./receiver.ts";

const line = (ms: number): string =>
  `172.18.0.1:50100 [25/Nov/2026:17:34:14.730] http~ s_loans/r1.1 0/2/0/${ms}/${ms + 3} 200 84 - - ---- 3/1/0/0/0 0/0 "POST /decisions HTTP/1.1" 5f3c8a52-1f0e-4a6b-9d3e-0b1c2d3e4f50 -\n`;

const fail = (error: unknown): never => {
  throw new Error("the log is written", { cause: error });
};

test("lines that come one by one are taken as fast as they come, and a flood in order; none is left behind at the end", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "dray-receiver-"));
  try {
    const taken: Access[] = [];
    const receiver = await receive(
      home,
      new LogFile(home, fail),
      [{ add: (access) => void taken.push(access) }],
      new Faults(() => undefined),
    );
    const edge = connect(path.join(home, "access.sock"));
    await once(edge, "connect");
    for (let index = 0; index < 100; index++) {
      edge.write(line(index));
      await sleep(5);
    }
    // 100 lines took 500 ms and more; what is not here after as long again waits for nothing that comes.
    await expect.poll(() => taken.length, { timeout: 500, interval: 20 }).toBe(100);

    edge.write(Array.from({ length: 20_000 }, (_, index) => line(100 + index)).join(""));
    await expect.poll(() => taken.length, { timeout: 20_000, interval: 20 }).toBe(20_100);

    // As HAProxy does, this one closes when it is told that nobody takes more.
    edge.write(line(20_100));
    edge.once("end", () => edge.end(line(20_101))).resume();
    await receiver.close();
    expect(taken.map((access) => access.modelMs)).toEqual(Array.from({ length: 20_102 }, (_, index) => index));
    expect((await readFile(path.join(home, "logs", "access.log"), "latin1")).split("\n")).toHaveLength(20_103);
  } finally {
    await rm(home, { recursive: true });
  }
});
