import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../packages/dray/src/base/failure.ts";
import { Secret } from "../packages/dray/src/base/secret.ts";
import type { Happening, News } from "../packages/dray/src/core/happening.ts";
import type { Drayage } from "../packages/dray/src/drayage.ts";
import { runText, runsText } from "../packages/dray/src/cli/screen/run.ts";
import { Journal, newRunId } from "../packages/dray/src/flows/runs/journal.ts";
import { drayOn, Paper, paperScope } from "./contract/paper.ts";

// Runs and their journal, against a target in memory.

const folderOfTest = async (): Promise<string> => path.join(await mkdtemp(path.join(tmpdir(), "dray-runs-")), "runs");
const broken = new Failure("release.not-ready", "it does not come up", {
  hint: "look at its log",
  details: ["a line"],
});

async function dray(given: { paper?: Paper; emit?: (news: News) => void } = {}): Promise<Drayage> {
  const { paper = new Paper(), ...more } = given;
  return drayOn(paper, { ...more, journal: await folderOfTest() });
}

const textOf = async ({ session }: Drayage, id: string): Promise<string> =>
  await readFile(path.join(session.journal ?? "", `${id}.jsonl`), "utf8");

test("a deploy is a run: its steps have ids, begin and end, and it ends with what serves", async () => {
  const heard: News[] = [];
  const it = await dray({ emit: (news) => heard.push(news) });
  await it.deploy(paperScope(["a", "b"]));
  const [run] = await it.runs.list();
  expect(run).toMatchObject({
    verb: "deploy",
    service: "decisions",
    target: "paper",
    places: ["a", "b"],
    state: "done",
  });
  expect(run?.releases).toEqual(["api:1"]);
  const { happenings } = await it.runs.read(run?.id ?? "");
  expect(happenings[0]).toMatchObject({ v: 1, run: run?.id, type: "run.started", verb: "deploy" });
  const started = happenings.filter((each) => each.type === "step.started").map(({ id }) => id);
  expect(new Set(started)).toEqual(new Set(["a/1", "a/2", "a/3", "b/1", "b/2", "b/3"]));
  expect(started).toHaveLength(6);
  const plan = happenings.find((each) => each.type === "planned")?.plan;
  expect(plan?.stages.flatMap(({ steps }) => steps.map(({ id }) => id))).toEqual(["a/1", "a/2", "a/3"]);
  expect(happenings.at(-1)).toMatchObject({
    type: "run.ended",
    end: "done",
    result: { served: [{ machine: "a", release: "api:1" }, { machine: "b" }], traces: [{ reached: true }, {}] },
  });
  // Whoever listens hears the same.
  expect(heard.every((news) => news.run === run?.id)).toBe(true);
  expect(heard.map(({ type }) => type)).toEqual(happenings.map(({ type }) => type));
});

test("a failure ends its run, with code, hint and details; the step that failed and what was taken back are there", async () => {
  const paper = new Paper();
  const it = await dray({ paper });
  paper.failing.set("prove@a", broken);
  await expect(it.deploy(paperScope())).rejects.toBe(broken);
  const [run] = await it.runs.list();
  expect(run).toMatchObject({
    state: "failed",
    failure: { code: "release.not-ready", details: ["a line"], exitCode: 1 },
  });
  const { happenings } = await it.runs.read(run?.id ?? "");
  expect(happenings.map((each) => ("step" in each ? `${each.type} ${each.id}` : each.type)).slice(-5)).toEqual([
    "step.done a/1",
    "step.started a/2",
    "step.failed a/2",
    "step.undone a/1",
    "run.ended",
  ]);
});

test("a plan is no run; a no at the question and a stop are told as what they are", async () => {
  const stop = new AbortController();
  const it = drayOn(new Paper(), { signal: stop.signal, journal: await folderOfTest() });
  await it.plan(paperScope());
  expect(await it.runs.list()).toEqual([]);
  await expect(it.deploy(paperScope(), { confirm: () => Promise.resolve(false) })).rejects.toThrow(Failure);
  const stopping = it.deploy(paperScope(), { confirm: () => Promise.resolve(stop.abort()).then(() => true) });
  await expect(stopping).rejects.toThrow("stopped");
  expect((await it.runs.list()).map(({ state }) => state).toSorted()).toEqual(["declined", "stopped"]);
});

test("each verb that changes something is a run of its own", async () => {
  const it = await dray();
  await it.deploy(paperScope(), { retireLater: () => undefined });
  await it.keys.add(paperScope(), "partners");
  await it.keys.list(paperScope());
  await it.keys.revoke(paperScope(), "partners");
  await it.retire({ target: "paper", place: { name: "a", at: "a" }, service: "decisions", keep: 5 });
  await it.remove(paperScope());
  const verbs = (await it.runs.list()).map(({ verb, what }) => [verb, what].join(" ").trim());
  expect(verbs.toSorted()).toEqual(["deploy", "keys add partners", "keys revoke partners", "remove", "retire"]);
});

test("no secret is in a journal: not its value, its lines, its JSON, its base64, nor a new caller's key", async () => {
  const pem = '-----BEGIN KEY-----\nabc"defghijkl\n-----END KEY-----\n';
  const paper = new Paper();
  const it = drayOn(paper, { secrets: new Map([["K", new Secret(pem)]]), journal: await folderOfTest() });
  const words = ["it printed", pem, JSON.stringify(pem), Buffer.from(pem).toString("base64"), 'abc"defghijkl'];
  paper.failing.set("start@a", new Failure("release.crashed", words.join(" "), { details: words, hint: pem }));
  await expect(it.deploy(paperScope())).rejects.toThrow(Failure);
  const key = await it.keys.add(paperScope(), "partners");
  for (const { id } of await it.runs.list()) {
    const text = await textOf(it, id);
    for (const secret of [pem, key, "defghijkl", Buffer.from(pem).toString("base64").slice(0, 40)])
      expect(text).not.toContain(secret);
  }
  const [crashed] = (await it.runs.list()).filter(({ verb }) => verb === "deploy");
  expect(crashed?.failure?.details[0]).toBe("it printed");
  expect(crashed?.failure?.details[1]).toBe("[secret]");
});

test("a journal is its user's alone, and begins with its version", async () => {
  const it = await dray();
  await it.deploy(paperScope());
  const [run] = await it.runs.list();
  const folder = it.session.journal ?? "";
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(path.join(folder, `${run?.id}.jsonl`))).mode & 0o777).toBe(0o600);
  expect(JSON.parse((await textOf(it, run?.id ?? "")).split("\n")[0] ?? "")).toMatchObject({
    journal: 1,
    run: run?.id,
  });
});

test("a journal that cannot be written is told, and the deploy is done all the same", async () => {
  const heard: News[] = [];
  const folder = await folderOfTest();
  await writeFile(folder, "a file stands where the folder should be");
  const it = drayOn(new Paper(), { emit: (news) => heard.push(news), journal: folder });
  await expect(it.deploy(paperScope())).resolves.toMatchObject({ outcomes: [{ release: "api:1" }] });
  const warnings = heard.filter((news) => news.type === "warning");
  expect(warnings).toHaveLength(1);
  expect(warnings[0]?.text).toMatch(/not in the journal.*EEXIST|ENOTDIR/);
  expect(await it.runs.list()).toEqual([]);
});

/** A program that begins a run, says two things, and is killed in the middle of the third. */
async function killed(folder: string): Promise<void> {
  const journal = JSON.stringify(path.resolve("packages/dray/src/flows/runs/run.ts"));
  const session = JSON.stringify(path.resolve("packages/dray/src/flows/runs/session.ts"));
  const program = `
    import { inRun } from ${journal};
    import { openSession } from ${session};
    const about = { verb: "deploy", service: "decisions", target: "paper", places: ["a"] };
    await inRun(about, { act: async ({ emit }) => {
      emit({ type: "step.started", step: "carry", on: "a", title: "carry the image" });
      emit({ type: "step.progress", step: "carry", on: "a", done: 1, total: 9, unit: "bytes" });
      console.log("begun");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    } }, openSession({ journal: ${JSON.stringify(folder)} }));`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program]);
  let said = "";
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  expect(said).toBe("");
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("a run that was killed has a readable journal, is shown as cut off, and says where", async () => {
  const folder = await folderOfTest();
  await killed(folder);
  const it = drayOn(new Paper(), { journal: folder });
  const [run] = await it.runs.list();
  expect(run).toMatchObject({ verb: "deploy", state: "cut off" });
  const kept = await it.runs.read(run?.id ?? "");
  expect(runText(kept, "lines")).toMatch(/cut off after .* at: a: carry the image/);
  // Who follows it is told what there is, and does not wait for more.
  const told: Happening[] = [];
  for await (const news of it.runs.follow(kept.id)) told.push(news);
  expect(told.map(({ type }) => type)).toEqual(["run.started", "step.started", "step.progress"]);
});

test("a half line, as a full disk leaves it, costs that line alone", async () => {
  const it = await dray();
  await it.deploy(paperScope());
  const [run] = await it.runs.list();
  const file = path.join(it.session.journal ?? "", `${run?.id}.jsonl`);
  const text = await readFile(file, "utf8");
  await writeFile(file, text.slice(0, -20));
  const kept = await it.runs.read(run?.id ?? "");
  expect(kept.happenings).toHaveLength(text.trim().split("\n").length - 2);
});

test("a run that another process writes is followed while it goes on, to its end", async () => {
  const it = await dray();
  const id = newRunId();
  const journal = await Journal.open(it.session.journal ?? "", id);
  const write = (news: News): void => journal.write({ v: 1, at: new Date().toISOString(), run: id, ...news });
  write({ type: "run.started", who: "me", verb: "deploy", places: ["a"] });
  expect((await it.runs.list())[0]).toMatchObject({ id, state: "running" });
  const told: string[] = [];
  for await (const news of it.runs.follow(id)) {
    told.push(news.type);
    if (told.length === 1) write({ type: "warning", text: "žluť" });
    if (told.length === 2) write({ type: "run.ended", ms: 1, end: "done" });
  }
  journal.close();
  expect(told).toEqual(["run.started", "warning", "run.ended"]);
});

test("following ends with its signal", async () => {
  const it = await dray();
  const id = newRunId();
  const journal = await Journal.open(it.session.journal ?? "", id);
  journal.write({ v: 1, at: "", run: id, type: "run.started", who: "me", verb: "deploy", places: [] });
  const stop = new AbortController();
  const following = (async () => {
    for await (const _ of it.runs.follow(id, stop.signal)) stop.abort();
  })();
  await expect(following).rejects.toMatchObject({ name: "AbortError" });
  journal.close();
});

test("journals are bounded: so many runs, so old, and each so large", async () => {
  const it = await dray();
  const folder = it.session.journal ?? "";
  await mkdir(folder, { recursive: true });
  const old = Array.from({ length: 310 }, (_, each) => newRunId(new Date(Date.now() - (400 - each) * 1000)));
  const ancient = newRunId(new Date(Date.now() - 91 * 86_400_000));
  for (const id of [...old, ancient]) await writeFile(path.join(folder, `${id}.jsonl`), "");
  await writeFile(path.join(folder, "notes.txt"), "somebody's own");
  const id = newRunId();
  const journal = await Journal.open(folder, id);
  const files = await readdir(folder);
  expect(files.length).toBe(300 + 1);
  expect(files).toContain("notes.txt");
  expect(files).not.toContain(`${ancient}.jsonl`);
  const at = new Date().toISOString();
  for (let each = 0; each < 5000; each++)
    journal.write({ v: 1, at, run: id, type: "line", on: "build", text: "x".repeat(400) });
  journal.write({ v: 1, at, run: id, type: "step.done", step: "build", on: "here", id: "b", title: "build", ms: 1 });
  journal.write({ v: 1, at, run: id, type: "run.ended", ms: 1, end: "done" });
  journal.close();
  const text = await readFile(path.join(folder, `${id}.jsonl`), "utf8");
  expect(text.length).toBeLessThan(1_001_500);
  expect(text.trim().split("\n").slice(-2).join()).toMatch(/step\.done.*run\.ended/);
});

test("what is counted many times a second is kept once a second, and always its last word", async () => {
  const it = await dray();
  const id = newRunId();
  const journal = await Journal.open(it.session.journal ?? "", id);
  const step = { step: "carry", on: "a", id: "a/1" };
  const at = new Date().toISOString();
  journal.write({ v: 1, at, type: "run.started", who: "me", verb: "deploy", places: [] });
  for (let done = 1; done <= 100; done++)
    journal.write({ v: 1, at, type: "step.progress", ...step, done, unit: "bytes" });
  journal.write({ v: 1, at, type: "step.done", ...step, title: "carry", ms: 1 });
  journal.close();
  const { happenings } = await it.runs.read(id);
  expect(happenings.map((each) => (each.type === "step.progress" ? each.done : each.type))).toEqual([
    "run.started",
    1,
    100,
    "step.done",
  ]);
});

test("a run is found by its id or its end; others, a newer dray's and what is no journal are refused", async () => {
  const it = await dray();
  await it.deploy(paperScope());
  const folder = it.session.journal ?? "";
  const [run] = await it.runs.list();
  expect(await it.runs.read(run?.id.slice(-4) ?? "")).toMatchObject({ id: run?.id });
  for (const id of ["nosuchrun", "../secrets", ""])
    await expect(it.runs.read(id)).rejects.toMatchObject({ code: "runs.unknown", hint: "dray runs lists them" });
  const newer = newRunId(new Date(0));
  await writeFile(path.join(folder, `${newer}.jsonl`), `{"journal":2,"run":"${newer}","process":"x/1"}\n`);
  await expect(it.runs.read(newer)).rejects.toMatchObject({ code: "runs.unreadable", hint: "dray upgrade" });
  const odd = newRunId(new Date(1000));
  await writeFile(path.join(folder, `${odd}.jsonl`), "not a journal\n");
  await expect(it.runs.read(odd)).rejects.toMatchObject({ code: "runs.unreadable" });
  await expect(it.runs.follow(odd).next()).rejects.toMatchObject({ code: "runs.unreadable" });
  expect(await it.runs.list()).toHaveLength(1);
  await expect(it.runs.read("19700101")).rejects.toThrow("2 runs are called 19700101...");
});

test("a list says how each ended; a replay has the steps, what serves, and the proof", async () => {
  const paper = new Paper();
  const it = await dray({ paper });
  await it.deploy(paperScope());
  paper.failing.set("prove@a", broken);
  await expect(it.deploy(paperScope())).rejects.toBe(broken);
  const runs = await it.runs.list();
  expect(runsText(runs)).toMatch(/failed: release\.not-ready/);
  expect(runsText(runs)).toMatch(/done: api:1/);
  const ok = runs.find(({ state }) => state === "done");
  const shown = runText(await it.runs.read(ok?.id ?? ""), "picture");
  expect(shown).toMatch(/dray deploy decisions on a, by /);
  expect(shown).toMatch(/✓ start .*\n✓ prove .*\n✓ switch /);
  expect(shown).toMatch(/decisions api:1 serves at paper:a/);
  expect(shown).toMatch(/done in /);
  const bad = runs.find(({ state }) => state === "failed");
  expect(runText(await it.runs.read(bad?.id ?? ""), "lines")).toMatch(
    /a: FAILED prove: it does not come up\na: undone: start\nerror \[release.not-ready\].*\na line\nhint: look at its log\nfailed after /,
  );
});
