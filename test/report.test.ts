import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const REPORT = fileURLToPath(new URL("../scripts/report.mjs", import.meta.url));

interface Told {
  code: number | null;
  lines: string[];
}

/** What the report says in a checkout that has these files in its `.dray`, and these beside it. */
function report(dray: Record<string, string>, beside: string[] = []): Told {
  const folder = mkdtempSync(path.join(tmpdir(), "dray-report-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const files = Object.fromEntries(beside.map((file) => [file, ""]));
  for (const [name, content] of Object.entries(dray)) files[path.join(".dray", name)] = content;
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  const ended = spawnSync(process.execPath, [REPORT], { cwd: folder, encoding: "utf8" });
  return { code: ended.status, lines: ended.stdout.trimEnd().split("\n") };
}

const steps = (...codes: number[]): string =>
  codes.map((code, index) => `${code}\t${index + 3}\t.dray/ci/${index + 1}.log\tstep ${index + 1}`).join("\n");

/** vitest's own report of one file. */
const tests = (failing: string[], passing: number, file: string = "test/scenarios/a.test.ts"): string =>
  JSON.stringify({
    numPassedTests: passing,
    testResults: [
      {
        name: file,
        status: failing.length > 0 ? "failed" : "passed",
        assertionResults: failing.map((title) => ({
          title,
          fullName: title,
          status: "failed",
          failureMessages: ["AssertionError: expected 1 to be +0"],
        })),
      },
    ],
  });

test("what went well is counted, each test and each step, and a step's time is told", () => {
  const { code, lines } = report({ "ci/steps.tsv": steps(0, 0), "tests.json": tests([], 5) });
  expect([code, lines.at(-1)]).toEqual([0, "7 passed, 0 failed"]);
  expect(lines).toContainEqual(expect.stringMatching(/^ +4 s +step 2$/));
});

test("no report, an empty one, a file that did not run, a failed step, no step at all: none of these is green", () => {
  const green = { "ci/steps.tsv": steps(0), "tests.json": tests([], 5) };
  expect(report({ "ci/steps.tsv": steps(0) })).toMatchObject({ code: 1 });
  expect(report({ ...green, "tests.json": "" })).toMatchObject({ code: 1 });
  expect(report({ "tests.json": tests([], 5) })).toMatchObject({ code: 1 });
  expect(report({ ...green, "tests.json": tests([], 0) })).toMatchObject({ code: 1 });
  expect(report(green, ["test/scenarios/a.test.ts"])).toMatchObject({ code: 0 });
  const missing = report(green, ["test/scenarios/a.test.ts", "test/scenarios/b.test.ts"]);
  expect([missing.code, missing.lines.at(-1)]).toEqual([1, "6 passed, 1 failed"]);
  expect(missing.lines.join("\n")).toContain("test/scenarios/b.test.ts");
  const step = report({ ...green, "ci/steps.tsv": steps(0, 1), "ci/2.log": "one\nthe reason\n" });
  expect([step.code, step.lines.at(-1)]).toEqual([1, "6 passed, 1 failed"]);
  expect(step.lines.join("\n")).toContain("the reason");
});

test("the last forty lines say which test failed, why, what was typed, and what the stand-in's containers said last", () => {
  const long = Array.from({ length: 200 }, (_, index) => `line ${index}`).join("\n");
  const evidence = JSON.stringify({
    file: "test/scenarios/a.test.ts",
    test: "it serves",
    commands: [`$ dray deploy -> 1\n${long}`],
    logs: [`=== dray-world-1\n--- docker logs dray-keeper\n${long}\n--- docker logs dray-edge\n${long}`],
  });
  const told = report({
    "ci/steps.tsv": steps(1),
    "tests.json": tests(["it serves"], 5),
    "failures/1.json": evidence,
  });
  const end = told.lines.slice(-40).join("\n");
  for (const said of ["it serves", "expected 1 to be +0", "$ dray deploy -> 1", "dray-keeper", "dray-edge", "line 199"])
    expect(end).toContain(said);
  const many = Array.from({ length: 60 }, (_, index) => `test ${index}`);
  const all = report({ "ci/steps.tsv": steps(1), "tests.json": tests(many, 0) });
  expect(all.lines.slice(-40).join("\n")).toMatch(/test 0\n[\s\S]*and 49 more, above\n0 passed, 61 failed$/);
});
