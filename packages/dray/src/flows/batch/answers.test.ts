import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Answers, outputsOf, takeUp } from "./answers.ts";

test("a row that came before its turn does not keep the next ones from the disk until the end", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-answers-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  const outputs = outputsOf(path.join(folder, "answers.jsonl"));
  const answers = await Answers.open(outputs, await takeUp(outputs));
  for (const row of [2, 1, 3]) await answers.settle({ row, answer: String(row) });
  await expect
    .poll(() => readFile(outputs.answers, "utf8"))
    .toBe('{"row":1,"answer":1}\n{"row":2,"answer":2}\n{"row":3,"answer":3}\n');
  await answers.close();
});
