import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { ContentStore } from "./content-store.ts";

test("what waits on this computer is for its owner's eyes, also where an older dray made the folder", async () => {
  const base = await mkdtemp(path.join(tmpdir(), "dray-store-"));
  const modeOf = async (folder: string): Promise<number> => (await stat(path.join(base, folder))).mode & 0o777;
  await new ContentStore(path.join(base, "new", "sha256")).open();
  expect([await modeOf("new"), await modeOf("new/sha256")]).toEqual([0o700, 0o700]);
  await mkdir(path.join(base, "old"));
  await chmod(path.join(base, "old"), 0o755);
  await new ContentStore(path.join(base, "old")).open();
  expect(await modeOf("old")).toBe(0o700);
  await rm(base, { recursive: true });
});

const digestOf = (content: string): string => `sha256:${createHash("sha256").update(content).digest("hex")}`;

test("an upload in parts is what it claims to be, or is not kept; also where one of its parts broke off or another process goes on", async () => {
  const base = await mkdtemp(path.join(tmpdir(), "dray-store-"));
  const store = new ContentStore(base);
  await store.open();
  const broken = Readable.from(
    (async function* () {
      yield Buffer.from("lo");
      await Promise.resolve();
      throw new Error("the link is gone");
    })(),
  );
  const upload = async (tail: string, how: "whole" | "broken" | "elsewhere"): Promise<string> => {
    const id = await store.begin();
    await store.append(id, Readable.from([Buffer.from("hel")]));
    if (how === "broken") await expect(store.append(id, broken)).rejects.toThrow("gone");
    const has = (await stat(path.join(base, "incoming", id))).size - "hel".length;
    const rest = Readable.from([Buffer.from(tail.slice(has))]);
    await (how === "elsewhere" ? new ContentStore(base) : store).append(id, rest);
    return id;
  };
  for (const how of ["whole", "broken"] as const) {
    expect(await store.commit(await upload("lo", how), digestOf("hello"))).toBe(true);
    expect(await store.text(digestOf("hello"))).toBe("hello");
    expect(await store.commit(await upload("lo!", how), digestOf("hello"))).toBe(false);
  }
  const id = await upload("lo", "elsewhere");
  expect(await new ContentStore(base).commit(id, digestOf("hello"))).toBe(true);
  await rm(base, { recursive: true });
});
