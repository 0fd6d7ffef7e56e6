import { expect, test } from "vitest";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { EMPTY_STATE } from "../../../edge/state.ts";
import { noteStep, unfinished } from "./journal.ts";
import type { MachineStep } from "./steps.ts";
import type { Work } from "./work.ts";

const ENTRY = { service: "decisions", release: "r2", who: "sue", begunAt: "2026-11-30T08:00:00Z", step: "switch" };
const STEP: MachineStep = { kind: "lock", on: "vm", title: "take the lock" };

/** A machine whose edge answers every script the same. */
function workOn(says: () => Promise<string>): { work: Work; context: Context; told: string[] } {
  const told: string[] = [];
  const edge = { known: EMPTY_STATE, run: says } as unknown as Edge;
  const site = { machine: { name: "vm" }, edge };
  const work = { site, release: { service: "decisions", id: "r2" }, who: "sue", begunAt: "now" } as unknown as Work;
  const emit: Context["emit"] = (news) => void (news.type === "warning" && told.push(news.text));
  return { work, context: { signal: new AbortController().signal, emit, secrets: new Map() }, told };
}

test("a machine's journal that cannot be written is told, and once", async () => {
  const { work, context, told } = workOn(() => Promise.resolve("sh: write error: No space left on device"));
  for (let step = 0; step < 3; step++) {
    noteStep(work, STEP, context);
    await Promise.resolve();
  }
  await new Promise(setImmediate);
  expect(told).toEqual([expect.stringMatching(/^vm: the journal of this deploy cannot be written there.*disk full/)]);
});

test("one that is written is not told of, nor is a link that is gone: that ends the step elsewhere", async () => {
  const written = workOn(() => Promise.resolve("NOTED\n"));
  noteStep(written.work, STEP, written.context);
  const gone = workOn(() => Promise.reject(new Error("the link is gone")));
  noteStep(gone.work, STEP, gone.context);
  await new Promise(setImmediate);
  expect([...written.told, ...gone.told]).toEqual([]);
});

test("a journal that is cut off or of a newer form says nothing, and ends no command", async () => {
  const whole = JSON.stringify(ENTRY);
  const newer = JSON.stringify({ ...ENTRY, v: 2 });
  const says = [whole.slice(0, 20), newer, whole].map((text) => `HOLDER nobody\n${text}\n`).join("");
  const edge = { run: () => Promise.resolve(says) } as unknown as Edge;
  expect(await unfinished(edge)).toEqual([{ ...ENTRY, running: false }]);
});
