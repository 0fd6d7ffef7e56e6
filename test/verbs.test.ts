import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../packages/dray/src/base/failure.ts";
import { CATALOGUE } from "../packages/dray/src/catalogue.ts";
import type { Recipe } from "../packages/dray/src/core/recipe.ts";
import type { News } from "../packages/dray/src/core/happening.ts";
import type { Left } from "../packages/dray/src/flows/release/retire.ts";
import type { Scope } from "../packages/dray/src/flows/fleet/places.ts";
import { drayOn, Paper, paperScope } from "./contract/paper.ts";

// Verbs against a target in memory: no machine, no Docker, no network.

const withImage = (scope: Scope, image: string): Scope => ({ ...scope, manifest: { ...scope.manifest, image } });
const broken = new Failure("release.not-ready", "it does not come up");

test("a deploy carries out its plan, retires the old release, and walks the way to the new one", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope());
  const { outcomes, traces } = await dray.deploy(withImage(paperScope(), "api:2"));
  expect(outcomes).toMatchObject([{ machine: "a", release: "api:2", before: "api:1" }]);
  expect(traces).toMatchObject([{ machine: "a", reached: true }]);
  expect([...paper.at("a").running]).toEqual(["api:2"]);
  expect(paper.told.slice(-4)).toEqual(["start@a", "prove@a", "switch@a", "retire@a"]);
  expect(paper.open).toBe(0);
});

test("somebody else may take the retiring over, and ends it later", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  const left: Left[] = [];
  await dray.deploy(paperScope(["a", "b"]), { retireLater: (each) => left.push(each) });
  expect(paper.told).not.toContain("retire@a");
  expect(left).toMatchObject([
    { target: "paper", place: { name: "a" }, service: "decisions", keep: 5 },
    { target: "paper", place: { name: "b" } },
  ]);
  for (const each of left) await dray.retire(each);
  expect(paper.told.slice(-2)).toEqual(["retire@a", "retire@b"]);
});

test("where nothing was left, nobody is started to retire it: not even beside a place that fails", async () => {
  const paper = new Paper();
  paper.clean.add("a");
  const left: string[] = [];
  const retireLater = async (each: Left): Promise<void> => await Promise.resolve(void left.push(each.place.name));
  await drayOn(paper).deploy(paperScope(["a", "b"]), { retireLater });
  expect(left).toEqual(["b"]);
  paper.failing.set("prove@b", broken);
  await expect(drayOn(paper).deploy(paperScope(["a", "b"]), { retireLater })).rejects.toThrow(/machines failed/);
  expect(left).toEqual(["b"]);
});

test("a plan changes nothing, and says what would be done", async () => {
  const paper = new Paper();
  const planned = await drayOn(paper).plan(paperScope());
  expect(planned[0]?.plan.stages.map(({ title }) => title)).toEqual(["start", "prove", "switch"]);
  expect([paper.told, paper.at("a").current, paper.open]).toEqual([[], undefined, 0]);
});

test("whoever is shown the plan and says no has changed nothing", async () => {
  const paper = new Paper();
  const confirm = (): Promise<boolean> => Promise.resolve(false);
  await expect(drayOn(paper).deploy(paperScope(), { confirm })).rejects.toThrow(
    expect.objectContaining({ code: "usage.declined" }),
  );
  expect([paper.told, paper.open]).toEqual([[], 0]);
});

test("several places ask one after the other", async () => {
  const paper = new Paper();
  let asking = 0;
  let most = 0;
  const confirm = async (): Promise<boolean> => {
    most = Math.max(most, ++asking);
    await new Promise((resolve) => setTimeout(resolve, 5));
    asking--;
    return true;
  };
  await drayOn(paper).deploy(paperScope(["a", "b", "c"]), { confirm });
  expect(most).toBe(1);
});

test("a step that fails takes back what was done, and the old release stays", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope());
  paper.failing.set("prove@a", broken);
  paper.told.length = 0;
  await expect(dray.deploy(withImage(paperScope(), "api:2"))).rejects.toBe(broken);
  expect(paper.told).toEqual(["start@a", "prove@a", "undo start@a"]);
  expect(paper.at("a")).toMatchObject({ current: "api:1", running: new Set(["api:1"]) });
  expect(paper.open).toBe(0);
});

test("of a fleet in which one place fails, the others are done, named, and retired", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope(["a", "b"]));
  paper.failing.set("prove@b", broken);
  await expect(dray.deploy(withImage(paperScope(["a", "b"]), "api:2"))).rejects.toThrow(
    expect.objectContaining({ code: "fleet.partly-failed", hint: expect.stringContaining("a are done") }),
  );
  expect([...paper.at("a").running]).toEqual(["api:2"]);
  expect([...paper.at("b").running]).toEqual(["api:1"]);
});

test("a release on trial is judged at one place before the next one gets it", async () => {
  const paper = new Paper();
  paper.failing.set("prove@a", broken);
  await expect(drayOn(paper).deploy(paperScope(["a", "b"], "rollout: {canary: [10]}\n"))).rejects.toThrow(Failure);
  expect(paper.told.filter((each) => each.endsWith("@b"))).toEqual([]);
  // At once means everywhere at once.
  await expect(
    drayOn(paper).deploy(paperScope(["a", "b"], "rollout: {canary: [10]}\n"), { rollout: "at-once" }),
  ).rejects.toThrow(Failure);
  expect(paper.at("b").current).toBe("api:1");
});

test("a rollback gives the traffic back to the release before, and to none where there is none", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope());
  await expect(dray.rollback(paperScope())).rejects.toThrow(expect.objectContaining({ code: "release.none-before" }));
  await dray.deploy(withImage(paperScope(), "api:2"));
  const { outcomes } = await dray.rollback(paperScope());
  expect(outcomes).toMatchObject([{ release: "api:1", before: "api:2" }]);
  expect(paper.at("a").current).toBe("api:1");
});

test("golden answers that were taken over are written to their file", async () => {
  const paper = new Paper();
  const folder = await mkdtemp(path.join(tmpdir(), "dray-golden-"));
  const request = { method: "POST", path: "/decisions", body: {} };
  const file = path.join(folder, "golden.json");
  await writeFile(file, JSON.stringify([{ request, expect: { status: 200, body: { old: 1 } } }]));
  const { target } = paper;
  const outcome = target.outcome.bind(target);
  const accepted = [{ request, expect: { status: 200, body: { fresh: 1 }, tolerance: 0 } }];
  target.outcome = async (...all) => ({ ...(await outcome(...all)), accepted });
  const { goldenFile } = await drayOn(paper).deploy(paperScope(["a"], "", folder), { answers: "may-change" });
  expect(goldenFile).toContain("golden.json");
  expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject([{ expect: { body: { fresh: 1 } } }]);
});

test("the connections of a place that cannot be planned are closed", async () => {
  const paper = new Paper();
  await expect(drayOn(paper).rollback(paperScope())).rejects.toThrow(Failure);
  expect(paper.open).toBe(0);
});

test("a target without an ability says what there is instead, and who has it", async () => {
  const dray = drayOn(new Paper());
  await expect(dray.metrics(paperScope(), 60)).rejects.toThrow(
    expect.objectContaining({
      code: "target.unsupported",
      message: "the target of decisions is paper, which has no metrics: nobody counts",
      hint: "--target machines has it",
    }),
  );
  for (const asked of [
    () => dray.secrets.set(paperScope(), { name: "A", value: "b" }),
    () => dray.shadow.start(paperScope(), { share: 1, minAgreement: 1, tolerance: 0, minimum: 1 }),
    () => dray.exec(paperScope(), { argv: ["sh"], terminal: false }),
    () => dray.hosts.facts(paperScope()),
    () => dray.check({ manifest: paperScope().manifest, place: { name: "a", at: "a" } }),
  ])
    await expect(asked()).rejects.toThrow(expect.objectContaining({ code: "target.unsupported" }));
});

test("a target that nobody knows is named, with those that there are", async () => {
  const scope = paperScope();
  const lost = { manifest: { ...scope.manifest, target: "cloth" } };
  await expect(drayOn(new Paper()).status(lost)).rejects.toThrow(
    expect.objectContaining({ code: "usage.invalid", hint: "it knows: machines, vertex, kubernetes, paper" }),
  );
});

test("keys are shown once, listed by place, and taken away", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  const key = await dray.keys.add(paperScope(["a", "b"]), "partners");
  expect(key).toMatch(/^dray_/);
  const listed = await dray.keys.list(paperScope(["a", "b"]));
  expect(listed).toMatchObject([{ machine: "a" }, { machine: "b", keys: { partners: { from: "command" } } }]);
  expect(JSON.stringify(listed)).not.toContain(key);
  expect(await dray.keys.revoke(paperScope(), "partners")).toEqual([{ closed: true, keys: {} }]);
});

test("status, logs and requests are asked at each place; only one where it is named", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope(["a", "b"]));
  const only = { ...paperScope(["a", "b"]), only: "b" };
  expect(await dray.status(paperScope(["a", "b"]))).toHaveLength(2);
  expect(await dray.status(only)).toMatchObject([{ data: { machine: "b", current: "api:1" } }]);
  const lines: string[] = [];
  await dray.logs(only, { follow: false, tail: "all", edge: false }, ({ machine, line }) =>
    lines.push(`${machine} ${line}`),
  );
  expect(lines).toEqual(["b start@b", "b prove@b", "b switch@b", "b retire@b"]);
  const reached = await dray.reach(only);
  expect(await reached.call({ method: "POST", path: "/", headers: {}, timeoutMs: 1 })).toMatchObject({
    status: 200,
    release: "api:1",
  });
});

test("nothing is removed before it is agreed to, and then all of it", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope(["a", "b"]));
  const scope = paperScope(["a", "b"]);
  const asked: string[] = [];
  const answer = (agreed: boolean) => (what: string) => Promise.resolve(asked.push(what) > 0 && agreed);
  await expect(dray.remove(scope, { confirm: answer(false) })).rejects.toThrow(
    expect.objectContaining({ code: "usage.declined", hint: "if so: dray remove --yes" }),
  );
  expect(asked).toEqual(["decisions and its kept releases from a, b"]);
  expect(paper.sheets.size).toBe(2);
  expect(await dray.remove(scope, { confirm: answer(true) })).toMatchObject([
    { data: { machine: "a" } },
    { data: { machine: "b" } },
  ]);
  expect(paper.sheets.size).toBe(0);
});

test("what happens is told step by step, the plan first", async () => {
  const news: News[] = [];
  await drayOn(new Paper(), { emit: (each) => news.push(each) }).deploy(paperScope());
  expect(news[0]).toMatchObject({ type: "run.started", verb: "deploy" });
  expect(news[1]).toMatchObject({ type: "planned", plan: { service: "decisions" } });
  expect(news.filter(({ type }) => type === "step.done")).toHaveLength(3);
});

test("an image that was made without an engine is carried as it is: no engine is asked for it", async () => {
  const cargo = { digest: `sha256:${"1".repeat(64)}`, layers: [], whole: true };
  const facts = { id: "sha256:1", architecture: "amd64", exposed: [8080], size: 1 };
  const made: Recipe = {
    kind: "made",
    perArchitecture: false,
    wants: ({ image }) => image === "made-here",
    make: () => Promise.resolve({ reference: "made here", facts, cargo }),
  };
  const paper = new Paper();
  const { target } = paper;
  const observe = target.observe.bind(target);
  const built: unknown[] = [];
  target.observe = async (place, order, session) => {
    built.push(await order.making.build("amd64"));
    return await observe(place, order, session);
  };
  const news: News[] = [];
  CATALOGUE.recipes.unshift(made);
  try {
    await drayOn(paper, { emit: (each) => news.push(each) }).deploy(withImage(paperScope(), "made-here"));
  } finally {
    CATALOGUE.recipes.shift();
  }
  expect(built).toMatchObject([{ cargo }]);
  expect(news.filter((each) => "step" in each && each.step === "load")).toEqual([]);
});

test("what serves in one environment goes to another one by its digest, and only where it is one image", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  const staging = paperScope(["a", "b"]);
  const built = paperScope(["c"]);
  const production: Scope = { manifest: { ...built.manifest, image: undefined, build: "." } };
  await expect(dray.promote({ from: staging, to: production })).rejects.toMatchObject({ code: "promote.nothing" });
  await dray.deploy(staging);
  const { outcomes, promoted } = await dray.promote({ from: staging, to: production });
  expect(promoted.image).toBe("api:1");
  const run = { verb: "promote", what: "decisions", places: ["c"] };
  // Other tests' runs are in the same list.
  expect(await dray.runs.list()).toContainEqual(expect.objectContaining(run));
  expect(outcomes).toMatchObject([{ machine: "c", release: `docker.io/library/api@${promoted.digest}` }]);
  await dray.deploy({ ...withImage(staging, "api:2"), only: "b" });
  await expect(dray.promote({ from: staging, to: production })).rejects.toMatchObject({ code: "promote.mixed" });
});

test("a request goes to where clients call, or to one release past the traffic", async () => {
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(paperScope());
  paper.at("a").running.add("api:0");
  const said = { method: "POST", path: "/score", carried: { body: { amount: 3 } } };
  expect(await dray.requests.send(paperScope(), said)).toMatchObject({ release: "api:1", status: 200 });
  expect(await dray.requests.send(paperScope(), said, "api:0")).toMatchObject({ release: "api:0" });
  await expect(dray.requests.send(paperScope(), said, "api:7")).rejects.toThrow(
    expect.objectContaining({ code: "release.unknown" }),
  );
  expect(paper.asked).toEqual(["POST /score at api:1", "POST /score at api:0"]);
});
