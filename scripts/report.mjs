// The end of CI's log: each step's time, the slowest test files and who waited for whom, what failed and why.
// Plain JavaScript without a library: it has to work where nothing else did.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** What is looked at first is the end of the log, so the failures share so many lines of it. */
const LINES = 36;
/** More at once have one cause; it is in the first of them. */
const FAILURES = 12;
const SLOWEST = 10;
const FOLDER = ".dray";

const say = (text = "") => process.stdout.write(`${text}\n`);

function read(file, otherwise) {
  try {
    return JSON.parse(readFileSync(path.join(FOLDER, file), "utf8"));
  } catch {
    return otherwise;
  }
}

/** One line for each step: exit code, seconds, its log, its command. */
function readSteps() {
  const file = path.join(FOLDER, "ci", "steps.tsv");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [code, seconds, log, command] = line.split("\t");
    return { code: Number(code), seconds: Number(seconds), log, command };
  });
}

/** Every test file of the checkout: one that did not run is as bad as one that failed. */
function testFiles() {
  const below = (folder) =>
    existsSync(folder) ? readdirSync(folder, { recursive: true }).map((file) => path.join(folder, file)) : [];
  const files = [...below("packages"), ...below("test")].filter((file) => !file.includes("node_modules"));
  return files.filter((file) =>
    [
      /^packages\/\w+\/src\/.*\.test\.ts$/,
      /^test\/[^/]+\.test\.ts$/,
      /^test\/(contract|scenarios)\/.*\.test\.ts$/,
    ].some((kind) => kind.test(file)),
  );
}

/** Numbers of passed and failed tests, and what is to be told of the failed ones. */
function readTests() {
  const report = read("tests.json");
  if (report?.testResults === undefined)
    return {
      passed: 0,
      failures: [{ title: "the tests left no report", why: ["vitest ended before it could write one"] }],
    };
  const failures = report.testResults.flatMap((file) => {
    const name = path.relative(process.cwd(), file.name);
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    // A file that could not even be read has no test that failed.
    if (failed.length === 0 && file.status === "failed")
      return [{ title: name, why: (file.message ?? "").split("\n") }];
    return failed.map((test) => failureOf(name, test));
  });
  const ran = new Set(report.testResults.map((file) => path.relative(process.cwd(), file.name)));
  const missing = testFiles().filter((file) => !ran.has(file));
  if (missing.length > 0)
    failures.push({ title: `${missing.length} test files did not run`, why: [missing.join(", ")] });
  if (report.numPassedTests === 0 && failures.length === 0) failures.push({ title: "no test ran", why: [] });
  return { passed: report.numPassedTests, failures };
}

function failureOf(file, test) {
  const why = (test.failureMessages[0] ?? "").split("\n").filter((line) => !/node_modules|^\s*$/.test(line));
  const found = evidenceOf(file, test.title);
  const told = found === undefined ? [] : [...found.commands.flatMap(linesOf), ...found.logs.flatMap(linesOf)];
  return { title: `${file} > ${test.fullName}`, why, commands: found?.commands ?? [], logs: found?.logs ?? [], told };
}

const linesOf = (text) => text.split("\n").filter((line) => line !== "");

function evidenceOf(file, test) {
  const folder = path.join(FOLDER, "failures");
  if (!existsSync(folder)) return undefined;
  const all = readdirSync(folder).map((name) => read(path.join("failures", name), {}));
  return all.find((each) => each.file === file && each.test === test);
}

/** What a failed step itself calls so is its reason; else its last lines. */
function stepFailure({ command, code, log }) {
  const said = existsSync(log) ? linesOf(readFileSync(log, "utf8")) : [];
  const called = said.filter((line) => /^(== )?FAILED /.test(line));
  return { title: `step: ${command} (exit ${code})`, why: called.length > 0 ? called : said.slice(-12) };
}

/** A failure in so many lines: its title, its message, then the last commands and logs, as far as there is room. */
function brief({ title, why, commands = [], logs = [] }, room) {
  const lines = [`== FAILED: ${title}`, ...why.slice(0, Math.max(2, Math.ceil(room / 3))).map((line) => `   ${line}`)];
  const [typed, ...answered] = linesOf(commands.at(-1) ?? "");
  const rest = Math.min(answered.length, Math.max(0, Math.floor((room - lines.length) / 2) - 1));
  if (typed !== undefined)
    lines.push(...[typed, ...answered.slice(answered.length - rest)].map((line) => `   | ${line}`));
  const left = room - lines.length;
  // Of each container the last lines: of the edge, the keeper and the API alike.
  const each = logs.flatMap((log) => log.split(/^(?=--- )/m).map(linesOf));
  const share = Math.floor(left / Math.max(1, each.length));
  for (const log of share < 2 ? [] : each)
    lines.push(...[log[0], ...log.slice(1).slice(1 - share)].map((line) => `   : ${line}`));
  return lines.slice(0, room).map((line) => line.slice(0, 240));
}

function sayTimes(steps) {
  say("== time of each step");
  for (const { seconds, code, command } of steps)
    say(`${String(seconds).padStart(5)} s  ${code === 0 ? "  " : "✗ "}${command}`);
  const ran = read("run.json", []);
  if (ran.length === 0) return;
  say(`== the ${SLOWEST} slowest test files`);
  const took = ({ begun, ended }) => ended - begun;
  for (const each of ran.toSorted((a, b) => took(b) - took(a)).slice(0, SLOWEST))
    say(
      `${took(each).toFixed(0).padStart(5)} s  ${each.file} (from ${each.begun.toFixed(0)} to ${each.ended.toFixed(0)} s)`,
    );
  sayWaiting(ran);
}

/** From when on fewer files ran than could: the rest of the run waited for those. */
function sayWaiting(ran) {
  for (const group of new Set(ran.map((each) => each.group))) {
    const files = ran.filter((each) => each.group === group).toSorted((a, b) => a.ended - b.ended);
    const begun = Math.min(...files.map((each) => each.begun));
    const lastBegun = Math.max(...files.map((each) => each.begun));
    const [last, ended] = [files.at(-1), files.at(-1)?.ended ?? 0];
    const busy = files.reduce((sum, each) => sum + each.ended - each.begun, 0);
    const open = files.filter((each) => each.ended > lastBegun && each !== last);
    const alone = ended - Math.max(lastBegun, ...open.map((each) => each.ended));
    say(
      `${group}: ${files.length} files in ${(ended - begun).toFixed(0)} s, ${(busy / Math.max(1, ended - begun)).toFixed(1)} at once; ` +
        `the last ${Math.max(0, alone).toFixed(0)} s waited for ${last?.file} alone`,
    );
  }
}

const steps = readSteps();
const tests = readTests();
const failedSteps = steps.filter(({ code }) => code !== 0);
sayTimes(steps);
// The step that ran the tests says nothing that they do not say themselves.
const alone = failedSteps.filter(({ command }) => tests.failures.length === 0 || !command.includes("vitest run"));
const failures = [...tests.failures, ...alone.map(stepFailure)];
const shown = failures.slice(0, FAILURES);
for (const { title, told = [] } of tests.failures) {
  if (told.length === 0) continue;
  say(`== what is known of ${title}`);
  for (const line of told) say(line);
}
const room = Math.floor(LINES / Math.max(1, shown.length));
for (const failure of shown) for (const line of brief(failure, room)) say(line);
if (failures.length > shown.length) say(`== and ${failures.length - shown.length} more, above`);
const passed = tests.passed + steps.length - failedSteps.length;
const failed = tests.failures.length + failedSteps.length;
say(`${passed} passed, ${failed} failed`);
// Not process.exit: what a pipe has not taken yet would be lost.
process.exitCode = failed === 0 && steps.length > 0 ? 0 : 1;
