// npm run flakes -- [TIMES] [FILE...]: the scenarios again and again while a load takes one core away, and what failed.
// A test that fails here is to be understood, not run once more: either the product is at fault, or the test is.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

const REPORT = ".dray/tests.json";
const FOLDER = ".dray/flakes";

const [times = "10", ...files] = process.argv.slice(2);
mkdirSync(FOLDER, { recursive: true });
const load = spawn("taskset", ["-c", "1", process.execPath, "-e", "for (;;);"], { stdio: "ignore" });
const failed = new Map();
try {
  for (let round = 1; round <= Number(times); round++) {
    for (const old of [REPORT, ".dray/failures"]) rmSync(old, { recursive: true, force: true });
    spawnSync("node_modules/.bin/vitest", ["run", "--project", "scenarios", ...files], { stdio: "inherit" });
    for (const test of failuresOf(REPORT)) failed.set(test, [...(failed.get(test) ?? []), round]);
    rmSync(path.join(FOLDER, String(round)), { recursive: true, force: true });
    mkdirSync(path.join(FOLDER, String(round)));
    for (const kept of ["tests.json", "failures"])
      move(path.join(".dray", kept), path.join(FOLDER, String(round), kept));
  }
} finally {
  load.kill("SIGKILL");
}
for (const [test, rounds] of failed) process.stdout.write(`failed in ${rounds.join(", ")}: ${test}\n`);
process.stdout.write(
  `${times} runs, ${failed.size} tests failed in one of them or more; each run's report is in ${FOLDER}\n`,
);
process.exitCode = failed.size === 0 ? 0 : 1;

function failuresOf(report) {
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8"));
    return testResults.flatMap(({ name, status, assertionResults }) => {
      const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
      return tests.length === 0 && status === "failed" ? [path.basename(name)] : tests;
    });
  } catch {
    return ["a run without a report"];
  }
}

function move(from, to) {
  try {
    renameSync(from, to);
  } catch {
    // Where nothing failed there is nothing to keep.
  }
}
