import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { Faults } from "./faults.ts";

test("what nothing caught is said, once a minute in the same words, told for ten minutes, and ends nothing", async () => {
  const said: string[] = [];
  const faults = new Faults((text) => void said.push(text));
  const process = new EventEmitter();
  faults.watch(process);
  process.emit("uncaughtException", new RangeError("too deep"));
  process.emit("unhandledRejection", "nothing");
  await faults.guard("a step", () => Promise.reject(new Error("ENOSPC")));
  for (let time = 0; time < 1000; time++)
    faults.guardNow("a step", () => {
      throw new Error("ENOSPC");
    });
  expect(said).toEqual(["fault: not caught: too deep", "fault: not caught: nothing", "fault: a step: ENOSPC"]);
  expect(faults.recent()).toHaveLength(100);
  expect(faults.recent(Date.now() + 601_000)).toEqual([]);
});
