import { chmod, lstat, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { controlFolder } from "./control-folder.ts";

let base: string;

beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), "dray-run-"));
  vi.stubEnv("XDG_RUNTIME_DIR", base);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(base, { recursive: true, force: true });
});

const REFUSED = { code: "ssh.control-folder", hint: expect.stringContaining("take it away") };

test("it is made for this user alone, and taken again", async () => {
  const folder = await controlFolder();
  expect(folder).toBe(path.join(base, "dray"));
  expect((await lstat(folder)).mode & 0o777).toBe(0o700);
  await expect(controlFolder()).resolves.toBe(folder);
});

test.each([0o777, 0o770, 0o701])("one that others may enter is refused: %o", async (mode) => {
  await mkdir(path.join(base, "dray"));
  await chmod(path.join(base, "dray"), mode);
  await expect(controlFolder()).rejects.toMatchObject(REFUSED);
});

test("a link to somewhere else is refused", async () => {
  await mkdir(path.join(base, "elsewhere"), { mode: 0o700 });
  await symlink(path.join(base, "elsewhere"), path.join(base, "dray"));
  await expect(controlFolder()).rejects.toMatchObject(REFUSED);
});

test("one of another user is refused", async () => {
  await mkdir(path.join(base, "dray"), { mode: 0o700 });
  const mine = process.getuid?.() ?? 0;
  // Its parent counts first: a login's folder of somebody else's, left in the environment by su, is passed over.
  const uid = vi.spyOn(process, "getuid" as never) as unknown as { mockReturnValue(uid: number): void };
  uid.mockReturnValue(mine + 1);
  vi.stubEnv("DRAY_CACHE", base);
  await mkdir(path.join(base, "drayage", "ssh"), { recursive: true, mode: 0o700 });
  await expect(controlFolder()).rejects.toMatchObject({
    ...REFUSED,
    message: expect.stringContaining("somebody else"),
  });
  vi.restoreAllMocks();
});

test("where a socket's path would be too long there, another folder is taken", async () => {
  const deep = path.join(base, "d".repeat(60));
  await mkdir(deep);
  vi.stubEnv("XDG_RUNTIME_DIR", deep);
  vi.stubEnv("DRAY_CACHE", base);
  await expect(controlFolder()).resolves.toBe(path.join(base, "drayage", "ssh"));
});
