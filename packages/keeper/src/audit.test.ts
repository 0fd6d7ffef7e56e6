import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { AuditCopy } from "./audit.ts";

async function folders(): Promise<{ home: string; own: string; record: string; copied: () => Promise<string[]> }> {
  const root = await mkdtemp(path.join(tmpdir(), "dray-audit-"));
  onTestFinished(async () => await rm(root, { recursive: true }));
  const [home, own] = [path.join(root, "home"), path.join(root, "own")];
  await Promise.all([mkdir(home), mkdir(own)]);
  const copied = async (): Promise<string[]> =>
    (await readFile(path.join(own, "audit.jsonl"), "utf8")).trim().split("\n");
  return { home, own, record: path.join(home, "audit.jsonl"), copied };
}

const entry = (release: string): string => `{"who":"ann@laptop","release":"${release}"}\n`;

test("what is added to the record is copied, by one keeper and by the next", async () => {
  const { home, own, record, copied } = await folders();
  await new AuditCopy(home, own).look();
  await appendFile(record, entry("r1"));
  const first = new AuditCopy(home, own);
  await first.look();
  await appendFile(record, `${entry("r2")}{"half`);
  await first.look();
  await first.look();
  await appendFile(record, `":1}\n${entry("r3")}`);
  await new AuditCopy(home, own).look();
  const lines = await copied();
  expect(lines.map((line) => line.slice(65))).toEqual((await readFile(record, "utf8")).trim().split("\n"));
  expect(new Set(lines.map((line) => line.slice(0, 64))).size).toBe(4);
});

test.each([
  ["a line is another one", (text: string) => text.replace("r1", "rX")],
  ["a line is gone", (text: string) => text.slice(entry("r1").length)],
  ["all of it is gone", () => ""],
])("%s: it is told once, also by a keeper that was not there, and the copy has how it was", async (_what, change) => {
  const { home, own, record, copied } = await folders();
  await writeFile(record, entry("r1") + entry("r2"));
  const audit = new AuditCopy(home, own);
  await audit.look();
  const before = await copied();
  await writeFile(record, change(await readFile(record, "utf8")));
  const next = new AuditCopy(home, own);
  await expect(next.look()).rejects.toThrow(/not what was written/);
  await appendFile(record, entry("r3"));
  await next.look();
  await new AuditCopy(home, own).look();
  const after = await copied();
  expect(after.slice(0, 2)).toEqual(before);
  expect(after.at(-1)).toContain('"r3"');
});

test("a copy from which a line was taken is told of", async () => {
  const { home, own, record, copied } = await folders();
  await writeFile(record, entry("r1") + entry("r2"));
  await new AuditCopy(home, own).look();
  const [, second] = await copied();
  await writeFile(path.join(own, "audit.jsonl"), `${second}\n`);
  const audit = new AuditCopy(home, own);
  await expect(audit.look()).rejects.toThrow(/copy was changed by somebody/);
  await appendFile(record, entry("r3"));
  await audit.look();
  expect((await copied()).at(-1)).toContain('"r3"');
});
