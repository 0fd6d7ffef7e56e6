import { expect, test } from "vitest";
import type { News } from "../../core/happening.ts";
import { drawnAfter, type Picture } from "./picture.ts";
import { pictureText } from "./screen.ts";

const drawn = (...told: News[]): string =>
  pictureText(told.reduce<Picture>((each, news) => drawnAfter(each, news, 0), new Map()));
const numbers = { count: 40, failed: 1, p50Ms: 8, p95Ms: 12 };

test("a canary is drawn on the step that watches it, whatever its target calls that step", () => {
  const trial: News = {
    type: "trial",
    on: "eu",
    id: "eu/4",
    release: "r",
    share: 10,
    leftMs: 5000,
    fresh: numbers,
    old: numbers,
  };
  for (const step of ["canary", "share"]) {
    const said = drawn({ type: "step.started", step, on: "eu", id: "eu/4", title: "10 % of the traffic" }, trial);
    expect(said).toBe(
      "• 10 % of the traffic  new: 40 answers, 1 failed, p95 12 ms | old: 40 answers, 1 failed, p95 12 ms | 5s left",
    );
  }
});

test("two replicas that start side by side have a row each", () => {
  const start = (id: string): News => ({ type: "step.started", step: "start", on: "vm", id, title: `start ${id}` });
  const done: News = { type: "step.done", step: "start", on: "vm", id: "vm/2", title: "start vm/2", ms: 1500 };
  expect(drawn(start("vm/1"), start("vm/2"), done)).toBe("• start vm/1  \n✓ start vm/2  1.5s");
});

test("progress is a bar, places are named where there are several, and what is taken back says so", () => {
  const carry: News = { type: "step.started", step: "carry", on: "a", title: "carry" };
  const half: News = { type: "step.progress", step: "carry", on: "a", done: 5e6, total: 1e7, unit: "bytes" };
  const undone: News = { type: "step.undone", step: "start", on: "b", title: "start" };
  expect(drawn(carry, half, undone).split("\n")).toEqual([
    "• a: carry  ██████████░░░░░░░░░░ 5 MB of 10 MB, 0ms left",
    "↩ b: start  undone",
  ]);
});
