import { expect, test } from "vitest";
import { isHistoryRow, readAudit, readJournalEntry, readKeeperStatus, readShadowReport } from "./notes.ts";

const STATUS = {
  v: 1,
  startedAt: "2026-11-30T08:00:00Z",
  rev: 7,
  certificates: {
    "a.example.com": { state: "valid", until: "2027-01-30T08:00:00Z", issuer: "Some CA" },
    "b.example.com": {
      state: "failed",
      problem: { why: "port 80 is closed", fix: "open it", nextAt: "2026-11-30T09:00:00Z" },
    },
    "c.example.com": { state: "pending" },
  },
};
const SIDE = { count: 10, failed: 0, p50Ms: 1, p95Ms: 2, p99Ms: 3 };
const REPORT = {
  v: 1,
  service: "decisions",
  release: "r2",
  share: 100,
  since: "2026-11-30T08:00:00Z",
  until: "2026-11-30T09:00:00Z",
  copied: 10,
  dropped: 0,
  compared: 10,
  agreed: 9,
  agreement: 0.9,
  live: SIDE,
  shadow: SIDE,
  differences: [{ at: "score", count: 1, meanBy: 0.5, example: { live: "1", shadow: "1.5" } }],
};
const ENTRY = { service: "decisions", release: "r2", who: "sue", begunAt: "2026-11-30T08:00:00Z", step: "switch" };

const NOTES: readonly [what: string, read: (text: string) => unknown, note: object][] = [
  ["the keeper's status", readKeeperStatus, STATUS],
  ["a shadow's report", readShadowReport, REPORT],
  ["a deploy's journal, as an older dray wrote it", readJournalEntry, ENTRY],
  ["a deploy's journal", readJournalEntry, { v: 1, before: "r1", ...ENTRY }],
];

test.each(NOTES)("%s is read as it was written", (_what, read, note) => {
  expect(read(JSON.stringify(note))).toEqual(note);
});

test.each(NOTES)("%s that is empty, cut off, of a newer form or something else is unknown", (_what, read, note) => {
  const whole = JSON.stringify(note);
  const strange = ["", "\n", "null", "[]", "{}", '"text"', whole.slice(0, -5), JSON.stringify({ ...note, v: 2 })];
  for (const text of strange) expect(read(text), text).toBeUndefined();
});

test("a field of another kind is unknown, too", () => {
  expect(readKeeperStatus(JSON.stringify({ ...STATUS, certificates: { a: { state: "odd" } } }))).toBeUndefined();
  expect(readShadowReport(JSON.stringify({ ...REPORT, live: undefined }))).toBeUndefined();
  expect(readJournalEntry(JSON.stringify({ ...ENTRY, release: 7 }))).toBeUndefined();
});

test("a line of the audit log that is cut off takes no other with it", () => {
  const lines = [
    '{"at":"a","service":"decisions"}',
    '{"at":"b","serv',
    "",
    "7",
    '{"service":"decisions","undone":"r2"}',
  ];
  expect(readAudit(lines.join("\n"))).toEqual([
    { at: "a", service: "decisions" },
    { service: "decisions", undone: "r2" },
  ]);
  expect(readAudit("")).toEqual([]);
});

test("only a whole row of the history is counted", () => {
  const row = { at: 60, service: "decisions", release: "r1", statuses: { 200: 3 }, total: {} };
  expect(isHistoryRow(row)).toBe(true);
  for (const each of [undefined, null, 7, {}, { ...row, statuses: { 200: "3" } }, { ...row, at: "now" }])
    expect(isHistoryRow(each)).toBe(false);
});
