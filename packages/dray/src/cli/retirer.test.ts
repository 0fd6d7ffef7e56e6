import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { retireAll } from "./commands/retire.ts";
import { leaveToRetirer, postOf, Retirer } from "./retirer.ts";

const LEFT = { target: "machines", place: { name: "vm", at: "ops@vm" }, service: "decisions", keep: 5 };
let folder: string;
let post: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-retirer-"));
  vi.stubEnv("XDG_RUNTIME_DIR", folder);
  post = (await postOf(LEFT)) ?? "";
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("there is one for a service at a place: a second hands over to it, and ends", async () => {
  expect(await leaveToRetirer(post, 5)).toBe(false);
  const first = await Retirer.at(post, 5);
  expect(await Retirer.at(post, 3)).toBeUndefined();
  expect(await leaveToRetirer(post, 2)).toBe(true);
  expect(first?.next()).toBe(2);
  expect(first?.next()).toBeUndefined();
});

test("what it would not do any more it does not take: the next one begins to listen", async () => {
  const first = await Retirer.at(post, 5);
  expect(first?.next()).toBeUndefined();
  expect(await leaveToRetirer(post, 5)).toBe(false);
  const second = await Retirer.at(post, 5);
  expect(await leaveToRetirer(post, 1)).toBe(true);
  expect([second?.next(), second?.next()]).toEqual([1, undefined]);
});

test("one that was killed is no obstacle", async () => {
  const script = `require("net").createServer().listen(process.argv[1], () => console.log("listens"))`;
  const killed = spawn(process.execPath, ["-e", script, post], { stdio: ["ignore", "pipe", "inherit"] });
  await once(killed.stdout, "data");
  killed.kill("SIGKILL");
  await once(killed, "exit");
  expect(await leaveToRetirer(post, 5)).toBe(false);
  const next = await Retirer.at(post, 5);
  expect(await leaveToRetirer(post, 4)).toBe(true);
  expect([next?.next(), next?.next()]).toEqual([4, undefined]);
});

test("another service, another place and another configuration of ssh have one of their own", async () => {
  const others = [
    await postOf({ ...LEFT, service: "other" }),
    await postOf({ ...LEFT, place: { name: "vm", at: "sue@vm" } }),
  ];
  vi.stubEnv("DRAY_SSH_CONFIG", "/elsewhere");
  others.push(await postOf(LEFT));
  expect(new Set([post, ...others]).size).toBe(4);
});

test("it goes on until nothing is handed over any more, also after one that failed", async () => {
  const handed = [2, 3, undefined];
  const seen: number[] = [];
  const retire = async ({ keep }: { keep: number }): Promise<void> => {
    seen.push(keep);
    await Promise.resolve();
    if (keep === 2) throw new Error("no way there");
  };
  await retireAll({ next: () => handed.shift() }, LEFT, retire);
  expect(seen).toEqual([5, 2, 3]);
  const last = retireAll({ next: () => undefined }, { ...LEFT, keep: 2 }, retire);
  await expect(last).rejects.toThrow("no way there");
});
