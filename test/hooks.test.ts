import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../packages/dray/src/base/failure.ts";
import type { HookEvent } from "../packages/dray/src/flows/release/hooks.ts";
import type { Scope } from "../packages/dray/src/flows/fleet/places.ts";
import { drayOn, Paper, paperScope } from "./contract/paper.ts";

/** A scope in a folder of its own, whose hooks write down what they are told. */
async function hooked(
  on: Scope["manifest"]["on"],
): Promise<{ scope: Scope; heard: () => Promise<HookEvent[]> } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-hooks-"));
  const { manifest } = paperScope(["a", "b"]);
  return {
    scope: { manifest: { ...manifest, folder, on, environment: "staging" } },
    heard: async () => {
      const lines = await readFile(path.join(folder, "heard"), "utf8").catch(() => "");
      return lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as HookEvent]));
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

const HEAR = "cat >> heard";

test("the commands of `on:` are told of a deploy that went through, and of one that did not", async () => {
  await using world = await hooked({ deployed: [HEAR], failed: [HEAR] });
  const paper = new Paper();
  const dray = drayOn(paper);
  await dray.deploy(world.scope);
  await dray.plan(world.scope);
  paper.failing.set("prove@a", new Failure("release.not-ready", "it does not come up"));
  const next = { ...world.scope.manifest, image: "api:2" };
  await expect(dray.deploy({ manifest: next, only: "a" })).rejects.toThrow("does not come up");
  expect(await world.heard()).toMatchObject([
    { v: 1, event: "deployed", verb: "deploy", environment: "staging", places: [{ name: "a" }, { name: "b" }] },
    { event: "failed", verb: "deploy", failure: { code: "release.not-ready", message: "it does not come up" } },
  ]);
});

test("a command that fails is told, the next one runs, and the deploy stands", async () => {
  await using world = await hooked({ deployed: ["echo no chat server >&2; exit 3", HEAR], failed: [] });
  const warnings: string[] = [];
  const emit = (news: { type: string; text?: string }): void =>
    void (news.type === "warning" && warnings.push(news.text ?? ""));
  const { outcomes } = await drayOn(new Paper(), { emit }).deploy(world.scope);
  expect(outcomes).toHaveLength(2);
  expect(await world.heard()).toHaveLength(1);
  expect(warnings).toEqual([
    "the command for on.deployed ended with 3 (no chat server): echo no chat server >&2; exit 3",
  ]);
});

test("a plan that nobody agreed to is no failure to tell of", async () => {
  await using world = await hooked({ deployed: [], failed: [HEAR] });
  const confirm = (): Promise<boolean> => Promise.resolve(false);
  await expect(drayOn(new Paper()).deploy(world.scope, { confirm })).rejects.toThrow("2 of 2");
  expect(await world.heard()).toEqual([]);
});
