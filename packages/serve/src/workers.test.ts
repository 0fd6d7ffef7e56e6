import { availableParallelism, totalmem } from "node:os";
import { expect, test } from "vitest";
import { roomFor, workersFor } from "./workers.ts";

const MiB = 1024 ** 2;

test.each([
  ["a core each where memory is no question", { cores: 8, memory: 16_384 * MiB, modelBytes: 10 * MiB }, 8],
  ["sixteen cores do not fit into 512 MiB", { cores: 16, memory: 512 * MiB, modelBytes: MiB }, 5],
  ["a model of 2.2 GB in 4 GiB", { cores: 8, memory: 4096 * MiB, modelBytes: 2200 * MiB }, 1],
  ["the same in 16 GiB", { cores: 8, memory: 16_384 * MiB, modelBytes: 2200 * MiB }, 5],
  ["one, even where there is no room for it", { cores: 4, memory: 256 * MiB, modelBytes: 2200 * MiB }, 1],
  ["a model whose size is not known", { cores: 2, memory: 512 * MiB, modelBytes: 0 }, 2],
])("%s", (_name, room, workers) => {
  expect(workersFor(room)).toBe(workers);
});

test("a process without a limit has this computer's memory", () => {
  const room = roomFor(5);
  expect(room).toMatchObject({ cores: availableParallelism(), modelBytes: 5 });
  expect(room.memory).toBeGreaterThan(0);
  expect(room.memory).toBeLessThanOrEqual(totalmem());
});
