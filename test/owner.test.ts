import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { isGone, owned, OWNER_LABEL, ownerOf } from "./world/owner.ts";

test("an owner is there until its process ends, and a later process with the same number is another one", async () => {
  const sleeper = spawn("sleep", ["60"]);
  const owner = ownerOf(sleeper.pid ?? 0);
  expect(isGone(owner)).toBe(false);
  const [boot, space, pid, started] = owner.split("-");
  expect(isGone([boot, space, pid, Number(started) + 1].join("-"))).toBe(true);
  sleeper.kill();
  await once(sleeper, "exit");
  expect(isGone(owner)).toBe(true);
});

test("an owner of before the last boot is gone; one that cannot be seen or understood from here is not", () => {
  const [boot = "", space = "", pid = "", started = ""] = ownerOf(process.pid).split("-");
  expect(isGone(["00000000", space, pid, started].join("-"))).toBe(true);
  expect(isGone([boot, "1", "4194305", "1"].join("-"))).toBe(false);
  expect(isGone("somebody")).toBe(false);
});

test("every container, network and volume that Docker makes carries the owner's label, and nothing else changes", () => {
  const label = ["--label", expect.stringMatching(new RegExp(`^${OWNER_LABEL}=\\w+-\\w+-\\w+-\\w+$`))];
  expect(owned(["docker", "run", "-d", "image"])).toEqual(["docker", "run", ...label, "-d", "image"]);
  for (const kind of ["network", "volume"])
    expect(owned(["docker", kind, "create", "name"])).toEqual(["docker", kind, "create", ...label, "name"]);
  for (const other of [
    ["docker", "network", "rm", "name"],
    ["docker", "exec", "name", "run"],
    ["sh", "run"],
  ])
    expect(owned(other)).toEqual(other);
});
