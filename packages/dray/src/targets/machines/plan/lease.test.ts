import { expect, test } from "vitest";
import type { Context } from "../../../core/context.ts";
import { type Beat, beatOf, Pulse } from "./lease.ts";

const context = (signal: AbortSignal = new AbortController().signal): Context => ({
  signal,
  emit: () => undefined,
  secrets: new Map(),
});
const forEver = ({ signal }: Context): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
  });
/** A lease whose heartbeats find these things, one after the other, the last one again and again. */
function leaseOf(...beats: Beat[]): Pulse {
  return new Pulse("decisions", () => Promise.resolve((beats.length > 1 ? beats.shift() : beats[0]) ?? kept), 5);
}
const kept: Beat = { found: "kept" };
const unwritten: Beat = { found: "unwritten" };

test("a lock that somebody else has now stops what is being done, says who has it, and lets nothing begin", async () => {
  using lease = leaseOf(kept, { found: "taken", owner: "bob@laptop" });
  const lost = expect.objectContaining({
    code: "service.lock-lost",
    message: expect.stringMatching(/: bob@laptop has it/),
  });
  await expect(lease.during(context(), forEver)).rejects.toThrow(lost);
  let begun = false;
  await expect(lease.during(context(), () => Promise.resolve(void (begun = true)))).rejects.toThrow(lost);
  expect(begun).toBe(false);
});

test("a lease that cannot be renewed is lost before its time is up; once is no loss", async () => {
  using bad = leaseOf(kept, unwritten, unwritten);
  await expect(bad.during(context(), forEver)).rejects.toThrow(/cannot be renewed: is the machine's disk full/);
  using good = leaseOf(unwritten, kept);
  await expect(good.during(context(), () => new Promise((resolve) => setTimeout(resolve, 60, "done")))).resolves.toBe(
    "done",
  );
});

test("Ctrl-C is no lost lock, and a step's own failure stays what it is", async () => {
  using lease = leaseOf(kept);
  const stop = new AbortController();
  const doing = lease.during(context(stop.signal), forEver);
  stop.abort();
  await expect(doing).rejects.toMatchObject({ name: "AbortError" });
  await expect(lease.during(context(), () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
});

test("what a step began is stopped with a later one: its signal lives as long as the lease", async () => {
  using lease = leaseOf(kept, kept, kept, kept, { found: "taken", owner: undefined });
  let signal: AbortSignal | undefined;
  await lease.during(context(), (inner) => Promise.resolve(void (signal = inner.signal)));
  await expect(lease.during(context(), forEver)).rejects.toThrow(/nobody has it now/);
  expect(signal?.aborted).toBe(true);
});

test("a link that is gone is no lost lock: it ends the work elsewhere", async () => {
  using lease = new Pulse("decisions", () => Promise.reject(new Error("gone")), 5);
  await expect(lease.during(context(), () => new Promise((resolve) => setTimeout(resolve, 40, "done")))).resolves.toBe(
    "done",
  );
});

test.each([
  ["KEPT\n", { found: "kept" }],
  ["UNWRITTEN\n", { found: "unwritten" }],
  ["TAKEN bob@laptop since 1700000000\n", { found: "taken", owner: "bob@laptop" }],
  ["TAKEN \n", { found: "taken", owner: undefined }],
  ["", { found: "taken", owner: undefined }],
])("a heartbeat that says %j", (said, beat) => {
  expect(beatOf(said)).toEqual(beat);
});
